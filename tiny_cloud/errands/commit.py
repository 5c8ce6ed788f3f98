"""A disk becomes a base image of its own. Pure.

The disk is read, and nothing else is touched: neither what it stands on nor what stands on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tiny_cloud import schema, suggest
from tiny_cloud.document import Document
from tiny_cloud.errands import Actual, Errand, plan_of
from tiny_cloud.errors import Failure, Problem, Problems, Span
from tiny_cloud.facts import Reader
from tiny_cloud.model import Action, Address, Change, FieldDiff, Observed, Plan
from tiny_cloud.resource import Context, Resource
from tiny_cloud.steps import CommitDisk, MakeFolder
from tiny_cloud.yaml12 import Path


def errand(disk: Address, image: Address) -> Errand:
    """``image``: what comes of it."""
    return partial(_commit, disk, image)


def _commit(
    disk: Address, image: Address, host: Reader, context: Context, declared: Sequence[Resource],
    owned: Sequence[Resource], actual: Actual,
) -> Plan:
    _require_name(image)
    known = {item.address: item for item in (*declared, *owned)}
    if disk not in known:
        disks = [a.name for a in known if a.kind == "disk"]
        hint = suggest.hint(disk.name, disks, "there are") or "there is no disk at all"
        raise Problems([Problem(f"there is no {disk}", None, hint)])
    if image in known or image in host.records():
        source = host.records().get(image, {}).get("spec", {}).get("source", {})
        # Whoever was cut off before it was printed asks for it again.
        again = document(image.name, source) if {"url", "sha256"} == source.keys() else ""
        raise Failure(f"{image} is there already, and an image is never written again",
                      "choose another name", again)
    seen = actual.get(disk)
    if not isinstance(seen, Observed) or ("at" not in seen.facts and "path" not in seen.facts):
        why = getattr(seen, "reason", "") or "it is not there"
        raise Failure(f"{disk} cannot be read: {why}", getattr(seen, "hint", ""))
    if seen.running:
        raise Failure(f"{disk} is in use by the running domain {', '.join(seen.users)}",
                      f"stop it first: virsh shutdown {seen.users[0]}")
    if seen.fields.get("encryption.format"):
        raise Failure(f"{disk} is encrypted, and an image is for everybody to read",
                      "copy what may be seen to a plain disk, inside a machine, and commit that")
    path = str(seen.facts.get("at") or seen.facts["path"])
    folder = context.cloud.path("images")
    step = CommitDisk(path, str(seen.fields["format"]), folder, image.name, context.cloud.name,
                      _record(image, context))
    diffs = (FieldDiff("source", None, f"all that {disk} shows"),)
    change = Change(image, Action.CREATE, diffs, observed=None, around={disk: seen},
                    up=(MakeFolder(folder, 0o711), step))
    return plan_of(context.cloud, [change])


def _require_name(image: Address) -> None:
    metadata, spec = {"name": image.name}, {"source": {"url": "file:///"}}
    here: dict[Path, Span] = {(): Span("NEW-IMAGE", 1, 1)}
    if problems := schema.validate(Document("Image", image.name, metadata, spec, here)):
        raise Problems(problems)


def document(name: str, source: Mapping[str, Any]) -> str:
    """What goes into git: JSON's scalars are YAML's (YAML 1.2, chapter 10)."""
    return (f"apiVersion: tinycloud/v1\nkind: Image\nmetadata: {{name: {name}}}\nspec:\n"
            f"  source:\n    url: {json.dumps(source['url'])}\n    sha256: {source['sha256']}\n")


def _record(address: Address, context: Context) -> dict[str, Any]:
    """Its record, without what only its content says."""
    kind = Resource.registry["image"]
    image = kind(address, {}, {"name": address.name}, context)
    return {"cloud": context.cloud.name, "metadata": schema.jsonable(image.metadata),
            "policy": dict(image.policy())}
