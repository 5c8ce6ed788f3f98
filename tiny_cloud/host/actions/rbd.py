"""Ceph's images."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import rbd
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.rbd_images import ADDRESS, CLOUD


@do.register(steps.CreateRBDImage)
def _(step: steps.CreateRBDImage, host: Hands, progress: Progress) -> None:
    marks = {CLOUD: step.cloud, ADDRESS: step.address}
    rbd.change(step.cluster, "create", step.image, step.size, step.parent, marks, lock=host.lock)


@do.register(steps.GrowRBDImage)
def _(step: steps.GrowRBDImage, host: Hands, progress: Progress) -> None:
    rbd.change(step.cluster, "grow", step.image, step.size, lock=host.lock)


@do.register(steps.StampRBDImage)
def _(step: steps.StampRBDImage, host: Hands, progress: Progress) -> None:
    marks = {CLOUD: step.cloud, ADDRESS: step.address}
    rbd.change(step.cluster, "stamp", step.image, marks, lock=host.lock)


@do.register(steps.RenameRBDImage)
def _(step: steps.RenameRBDImage, host: Hands, progress: Progress) -> None:
    rbd.change(step.cluster, "rename", step.image, step.to, lock=host.lock)


@do.register(steps.TrashRBDImage)
def _(step: steps.TrashRBDImage, host: Hands, progress: Progress) -> None:
    rbd.change(step.cluster, "trash", step.image, lock=host.lock)
