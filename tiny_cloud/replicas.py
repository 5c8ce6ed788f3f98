"""``replicas: N``: one document is N machines, which ``${index}`` tells apart. Pure.

As Kubernetes' StatefulSet numbers its pods: ``web`` becomes ``web-0``, ``web-1`` and so on, and
which of them go when there are fewer is known beforehand. It is done before anybody looks at the
fields: ``10.44.0.${index}`` is no address, ``10.44.0.3`` is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tiny_cloud.document import Document
from tiny_cloud.errors import Problem
from tiny_cloud.schema import keyword

FIELD = "replicas"
KIND = "VirtualMachine"
MOST_VALUES = 7_000
"""In one file with its replicas: as many as 250 whole machines have, which are checked and linked
within the second that a manifest of any content may take."""
LONG = 1_000
"""Characters of text that count as a value: each replica has its own."""
_INDEX = re.compile(r"\$?\$\{index(?:\+([0-9]{1,9}))?\}")


def count(document: Document) -> int | None:
    """How many machines a document is: none, if it says so wrongly; None: it says nothing of it."""
    if document.kind != KIND or FIELD not in document.spec:
        return None
    number = document.spec[FIELD]
    return number if _is_right(number) else 0


def replica(document: Document, index: int) -> Document:
    """The machine of this number, with the places of the document it was written in. A wrong number
    of them stays in it, for its schema to complain of."""
    spec = {key: value for key, value in document.spec.items()
            if key != FIELD or not _is_right(value)}
    metadata = {key: _filled(value, index) for key, value in document.metadata.items()
                if key != "name"}
    for key in ("name", "renamedFrom"):
        if isinstance(former := document.metadata.get(key), str):
            metadata[key] = f"{former}-{index}"
    return replace(document, name=f"{document.name}-{index}" if document.name else "",
                   metadata=metadata, spec=_filled(spec, index))


def _is_right(number: object) -> bool:
    return type(number) is int and 0 <= number <= keyword(KIND, FIELD, "maximum")


def weight(document: Document, number: int) -> int:
    """How many values this document is, a long text counted as several."""
    texts = sum(_length(value) // LONG for value in document.spec.values()) if number > 1 else 0
    return number * (len(document.spans) + texts)


def _length(value: Any) -> int:
    if isinstance(value, Mapping | list):
        return sum(map(_length, value.values() if isinstance(value, Mapping) else value))
    return len(value) if isinstance(value, str) else 0


def too_many(document: Document, values: int) -> Problem:
    """``values``: how many there are in this file with these replicas."""
    return Problem(f"with these replicas the file holds {values} values, and {MOST_VALUES} are "
                   "the most", document.span(("spec", FIELD)),
                   "declare fewer of them, or put this machine into a file of its own")


def _filled(value: Any, index: int) -> Any:
    if isinstance(value, str):
        return _INDEX.sub(lambda found: _number(found, index), value)
    if isinstance(value, Mapping):
        return {key: _filled(item, index) for key, item in value.items()}
    return [_filled(item, index) for item in value] if isinstance(value, list) else value


def _number(found: re.Match[str], index: int) -> str:
    """A second dollar sign keeps a shell's own ``${index}`` as it is, as in compose files."""
    text = found[0]
    return text[1:] if text.startswith("$$") else str(index + int(found[1] or 0))
