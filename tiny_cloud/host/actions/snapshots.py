"""Snapshots."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import libvirt_snapshots
from tiny_cloud.host.hands import Hands, do


@do.register(steps.CreateSnapshot)
def _(step: steps.CreateSnapshot, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.domain, f"take the snapshot {step.name} of") as domain:
        libvirt_snapshots.create(domain, step)


@do.register(steps.RevertToSnapshot)
def _(step: steps.RevertToSnapshot, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.domain, f"revert to the snapshot {step.name} of") as domain:
        libvirt_snapshots.revert(domain, step.name)


@do.register(steps.DeleteSnapshot)
def _(step: steps.DeleteSnapshot, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.domain, f"delete the snapshot {step.name} of") as domain:
        libvirt_snapshots.delete(domain, step.name, metadata=step.metadata)


@do.register(steps.CommitOverlay)
def _(step: steps.CommitOverlay, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.domain, f"merge {step.target} of") as domain:
        libvirt_snapshots.commit(domain, step.target, step.below, progress)
