"""A thing as a document with ``spec`` and ``status``, as Kubernetes shows its own. Pure.

Their form is ``schemas/get.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiny_cloud import schema
from tiny_cloud.document import API_VERSION
from tiny_cloud.inventory import Thing
from tiny_cloud.inventory.measures import measures
from tiny_cloud.model import Unknown

HASH = "a crypt hash"
"""In the place of the hash itself: what can be guessed at is not shown."""


def listed(things: Sequence[Thing]) -> dict[str, Any]:
    """Kubernetes' own wrapping for several; ``manifest.read`` takes it for what it lists."""
    return {"apiVersion": API_VERSION, "kind": "List", "items": list(map(document, things))}


def document(thing: Thing) -> dict[str, Any]:
    resource = thing.resource
    metadata = schema.jsonable(resource.metadata)
    return {
        "apiVersion": API_VERSION,
        "kind": resource.KIND,
        "metadata": {"name": resource.address.name, **metadata},
        "spec": _without_hashes(schema.jsonable(resource.spec)),
        "status": _status(thing),
    }


def _status(thing: Thing) -> dict[str, Any]:
    seen, resource = thing.observed, thing.resource
    span = resource.span
    told = {
        "source": {"file": span.file, "line": span.line} if span else None,
        "changes": [diff.field for diff in thing.diffs],
        "reason": thing.why or (thing.seen.reason if isinstance(thing.seen, Unknown) else ""),
        "pending": list(seen.pending) if seen else [],
        "notes": list(thing.notes),
        "actual": schema.nested(resource.KIND, _declared(thing)),
    }
    return {"phase": str(thing.status), **{key: value for key, value in told.items() if value},
            **measures(thing)}


def _declared(thing: Thing) -> Mapping[str, Any]:
    """Of the fields that are there, those that a document says something of."""
    if thing.observed is None:
        return {}
    said = {*thing.resource.desired(), *(diff.field for diff in thing.diffs)}
    return {name: value for name, value in thing.observed.fields.items() if name in said}


def _without_hashes(value: Any) -> Any:
    if isinstance(value, dict):
        hashed = set(value) == {"hash"}
        return {"hash": HASH} if hashed else {
            key: _without_hashes(item) for key, item in value.items()}
    return list(map(_without_hashes, value)) if isinstance(value, list) else value
