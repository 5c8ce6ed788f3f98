"""Which files a look into a disk, or into the disks of a machine, is a look into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tiny_cloud import errands, probe
from tiny_cloud.api import Workspace
from tiny_cloud.errors import Failure
from tiny_cloud.host.snapshot import Snapshot
from tiny_cloud.model import Observed
from tiny_cloud.resource import Resource


@dataclass(frozen=True, slots=True)
class Drive:
    path: str
    format: str
    user: str = ""
    """The running domain that writes to it."""


def drives(workspace: Workspace, resource: Resource) -> Iterator[Drive]:
    """Raises Failure for a disk that is not there or cannot be observed."""
    reader = Snapshot(workspace.cloud, errands.looking(workspace))
    disks = _disks(resource)
    actual = probe.probe(reader, disks)
    for disk in disks:
        seen = actual.get(disk.address)
        if seen is None:
            raise Failure(f"{disk.address} is not there", "tinycloud apply makes it")
        if not isinstance(seen, Observed):
            raise Failure(f"{disk.address} cannot be observed: {seen.reason}", seen.hint)
        path, form = str(seen.facts.get("at") or seen.facts["path"]), str(seen.fields["format"])
        use = reader.disk_users().get(path)
        if use is not None and use.above:
            # What was written since the last snapshot is in there.
            path, form = use.above[0], "qcow2"
        yield Drive(path, form, ", ".join(seen.users))


def _disks(resource: Resource) -> list[Resource]:
    if resource.address.kind == "disk":
        return [resource]
    found = [link for field, link in resource.links.items()
             if field.startswith("disks[") and field.endswith("].disk")]
    if not found:
        raise Failure(f"{resource.address} has no disks")
    return found
