"""The health of a cloud's disks and images, and the repair of disks on request."""

from __future__ import annotations

import itertools
import os.path
from collections.abc import Iterator, Sequence

from msgspec import Struct

from tiny_cloud.api import Workspace
from tiny_cloud.errands import Actual, Errand, one, plan_of
from tiny_cloud.errors import Failure
from tiny_cloud.facts import DiskUse, FileFacts, Reader
from tiny_cloud.host import health
from tiny_cloud.host.health import SOUND, Health, Verdict
from tiny_cloud.host.snapshot import Snapshot
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    Cloud,
    FieldDiff,
    Observed,
    Plan,
    Unknown,
    Value,
)
from tiny_cloud.resource import Context, Resource
from tiny_cloud.steps import MakeFolder, Publish, Run, Step

KINDS = ("disk", "logicalvolume", "image")


class Finding(Struct, frozen=True):
    resource: Resource
    health: Health

    @property
    def sound(self) -> bool:
        return self.health.verdict in SOUND

    @property
    def mendable(self) -> bool:
        """A base image is never written to: disks stand on its very bytes."""
        ours = self.resource.address.kind == "disk" and not self.resource.external
        return bool(self.health.repair) and ours


def examine(workspace: Workspace, wanted: Sequence[Sequence[Address]] = ()) -> Iterator[Finding]:
    """Of those, or of every disk and image that is declared or owned; what is not there is left
    out, but for those that are asked for. Raises Failure.

    ``wanted``: what each word may mean, the first that there is."""
    view = workspace.look()
    known = [*workspace.resources, *view.owned]
    chosen = [one.named(known, *meant) for meant in wanted] or [
        item for item in known if item.address.kind in KINDS]
    for item in chosen:
        seen = view.actual.get(item.address)
        if isinstance(seen, Unknown):
            path = str(item.provides()["path"])
            yield Finding(item, Health(path, Verdict.UNREADABLE, seen.reason))
        elif seen is not None:
            yield from (Finding(item, found) for found in _files(view.host, item, seen))
        elif wanted:
            one.require(item.address, seen)


def _files(host: Snapshot, item: Resource, seen: Observed) -> Iterator[Health]:
    if item.address.kind != "image":
        path = str(seen.facts.get("at") or seen.facts["path"])
        use, form = host.disk_users().get(path), str(seen.fields.get("format", "raw"))
        size = (seen.declared or {}).get("size", 0)
        for top in use.above if use else ():
            yield _one(host, top, "qcow2", use, size)
        yield _one(host, path, form, use, size)
        return
    outputs = item.provides()
    versions = seen.facts.get("versions") or {outputs["path"]: ""}
    assert isinstance(versions, dict)
    stamps = host.files(versions)
    for path in versions:
        facts = stamps.get(path)
        stamp = facts.stamp if isinstance(facts, FileFacts) and not item.external else None
        found = health.examine(path, str(outputs["format"]))
        yield health.unchanged(found, stamp)


def _one(host: Snapshot, path: str, form: str, use: DiskUse | None, size: Value) -> Health:
    if use is not None and use.running:
        error = host.disk_errors(use.domain)
        if error:
            return Health(path, Verdict.CORRUPT, f"{use.domain} reports {error}")
        return Health(path, Verdict.IN_USE, f"by {use.domain}, which reports no errors")
    return health.examine(path, form, size=size if isinstance(size, int) else 0)


def repair(broken: Sequence[Finding], *, copy: bool) -> Errand:
    """``copy``: what is there is kept in the trash before."""

    def plan(host: Reader, context: Context, declared: Sequence[Resource],
             owned: Sequence[Resource], actual: Actual) -> Plan:
        kept = host.listing(context.cloud.path("trash"))
        return plan_of(context.cloud, [_mending(context.cloud, finding, actual, kept, copy=copy)
                                       for finding in broken])

    return plan


def _mending(
    cloud: Cloud, finding: Finding, actual: Actual, kept: Sequence[str], *, copy: bool
) -> Change:
    """``kept``: what the trash has, copies of earlier repairs among it."""
    seen, path = one.observed(finding.resource, actual), finding.health.path
    if seen.running:
        raise Failure(f"{finding.resource.address} is in use by {', '.join(seen.users)}",
                      "switch the machine off first")
    steps: list[Step] = []
    if copy:
        name = cloud.path("trash", f"{os.path.basename(path)}.{seen.identity}.before-repair")
        names = (f"{name}{number}" for number in itertools.chain(("",), itertools.count(2)))
        to = next(free for free in names if free not in kept)
        steps = [MakeFolder(os.path.dirname(to), 0o700),
                 Run(("cp", "--sparse=always", "--reflink=auto", "--", path, f"{to}.part")),
                 Publish(f"{to}.part", to, 0o600)]
    level = finding.health.repair
    mend = Run(("qemu-img", "check", "-q", "-f", "qcow2", "-r", level, "--", path))
    diff = FieldDiff("contents", finding.health.text, "mended")
    return Change(finding.resource.address, Action.UPDATE, (diff,), observed=seen,
                  up=(*steps, mend))
