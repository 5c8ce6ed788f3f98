"""Which files a look into a disk, or into the disks of a machine, is a look into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from tiny_cloud.api import Workspace
from tiny_cloud.errands import one
from tiny_cloud.errors import Failure
from tiny_cloud.model import Address
from tiny_cloud.resource import Resource

KINDS = ("disk", "logicalvolume", "virtualmachine")


class Drive(Struct, frozen=True):
    path: str
    format: str
    user: str = ""
    """The running domain that writes to it."""


def drives(workspace: Workspace, meant: Sequence[Address]) -> Iterator[Drive]:
    """Of the first that there is. Raises Failure for what is not there or cannot be observed."""
    view = workspace.look()
    for address in _disks(one.named([*workspace.resources, *view.owned], *meant)):
        seen = one.require(address, view.actual.get(address))
        if address.kind not in KINDS:
            raise Failure(f"{address} is an image of Ceph", "look into it from inside a machine")
        if seen.fields.get("encryption.format"):
            raise Failure(f"{address} is encrypted", "look into it from inside a machine")
        path = str(seen.facts.get("at") or seen.facts["path"])
        form, use = str(seen.fields.get("format", "raw")), view.host.disk_users().get(path)
        if use is not None and use.above:
            # What was written since the last snapshot is in there.
            path, form = use.above[0], "qcow2"
        yield Drive(path, form, ", ".join(seen.users))


def _disks(resource: Resource) -> list[Address]:
    if resource.address.kind != "virtualmachine":
        return [resource.address]
    found = [link.address for field, link in resource.links.items()
             if field.startswith("disks[") and field.endswith("].disk")]
    if not found:
        raise Failure(f"{resource.address} has no disks")
    return found
