"""The health of a cloud's disks and images, and the repair of disks on request."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tiny_cloud import errands, probe
from tiny_cloud.api import Workspace
from tiny_cloud.errors import Failure
from tiny_cloud.facts import DiskUse, FileFacts
from tiny_cloud.host import health
from tiny_cloud.host.health import Health, Verdict
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.snapshot import Snapshot
from tiny_cloud.model import Observed, Unknown, Value
from tiny_cloud.resource import Resource
from tiny_cloud.steps import MakeFolder, Publish, Run, Step

KINDS = ("disk", "image")


@dataclass(frozen=True, slots=True)
class Finding:
    resource: Resource
    health: Health

    @property
    def mendable(self) -> bool:
        """A base image is never written to: disks stand on its very bytes."""
        ours = self.resource.address.kind == "disk" and not self.resource.external
        return bool(self.health.repair) and ours


def examine(workspace: Workspace, wanted: Sequence[Resource] = ()) -> Iterator[Finding]:
    """Of those, or of every disk and image that is declared or owned; what is not there is left
    out, but for those that are asked for."""
    libvirt = errands.looking(workspace)
    reader = Snapshot(workspace.cloud, libvirt)
    known = [*workspace.resources, *workspace.undeclared(reader)]
    chosen = wanted or [item for item in known if item.address.kind in KINDS]
    actual = probe.probe(reader, chosen)
    for item in chosen:
        seen = actual.get(item.address)
        if isinstance(seen, Unknown):
            yield Finding(item, Health(str(item.provides()["path"]), Verdict.UNREADABLE,
                                       seen.reason))
        elif seen is not None:
            yield from (Finding(item, found) for found in _files(reader, libvirt, item, seen))
        elif wanted:
            raise Failure(f"{item.address} is not there", "tinycloud apply makes it")


def _files(
    reader: Snapshot, libvirt: Libvirt, item: Resource, seen: Observed
) -> Iterator[Health]:
    if item.address.kind == "disk":
        path = str(seen.facts.get("at") or seen.facts["path"])
        use = reader.disk_users().get(path)
        size = (seen.declared or {}).get("size", 0)
        for top in use.above if use else ():
            yield _one(libvirt, top, "qcow2", use, size)
        yield _one(libvirt, path, str(seen.fields["format"]), use, size)
        return
    outputs = item.provides()
    versions = seen.facts.get("versions") or {outputs["path"]: ""}
    assert isinstance(versions, dict)
    stamps = reader.files(versions)
    for path in versions:
        facts = stamps.get(path)
        stamp = facts.stamp if isinstance(facts, FileFacts) and not item.external else None
        found = health.examine(path, str(outputs["format"]))
        yield health.unchanged(found, stamp)


def _one(libvirt: Libvirt, path: str, form: str, use: DiskUse | None, size: Value) -> Health:
    if use is not None and use.running:
        error = libvirt.disk_errors(use.domain)
        if error:
            return Health(path, Verdict.CORRUPT, f"{use.domain} reports {error}")
        return Health(path, Verdict.IN_USE, f"by {use.domain}, which reports no errors")
    return health.examine(path, form, size=size if isinstance(size, int) else 0)


def repair(workspace: Workspace, finding: Finding, *, copy: bool) -> errands.Errand:
    """``copy``: what is there is kept in the trash before."""
    path, level = finding.health.path, finding.health.repair

    def prepare(seen: Observed, _: object) -> Iterator[Step]:
        if seen.running:
            raise Failure(f"{finding.resource.address} is in use by {', '.join(seen.users)}",
                          "switch the machine off first")
        if copy:
            kept = workspace.cloud.path(
                "trash", f"{os.path.basename(path)}.{seen.identity}.before-repair")
            yield MakeFolder(os.path.dirname(kept), 0o700)
            yield Run(("cp", "--sparse=always", "--reflink=auto", "--", path, f"{kept}.part"))
            yield Publish(f"{kept}.part", kept, 0o600)
        yield Run(("qemu-img", "check", "-q", "-f", "qcow2", "-r", level, "--", path))

    return errands.Errand(workspace, finding.resource, prepare)
