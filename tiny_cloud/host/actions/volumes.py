"""LVM's volumes."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.events import Amount
from tiny_cloud.host import command, lvm, qemu_img, secrets
from tiny_cloud.host.hands import Hands, do


@do.register(steps.CreateVolume)
def _(step: steps.CreateVolume, host: Hands, progress: Progress) -> None:
    lvm.create(step, host.cloud.name, host.lock)


@do.register(steps.EncryptVolume)
def _(step: steps.EncryptVolume, host: Hands, progress: Progress) -> None:
    qemu_img.measured(step.argv, secrets.told(step.secret), (host.lock,))


@do.register(steps.FillVolume)
def _(step: steps.FillVolume, host: Hands, progress: Progress) -> None:
    size = qemu_img.info(step.source, step.format).virtual_size
    command.run(step.argv, input=secrets.told(step.secret).encode(), pass_fds=(host.lock,),
                progress=lambda done: progress("fills", Amount.part(done, size)))


@do.register(steps.GrowVolume)
def _(step: steps.GrowVolume, host: Hands, progress: Progress) -> None:
    lvm.grow(step, host.lock)


@do.register(steps.StampVolume)
def _(step: steps.StampVolume, host: Hands, progress: Progress) -> None:
    lvm.stamp(step, host.lock)


@do.register(steps.RenameVolume)
def _(step: steps.RenameVolume, host: Hands, progress: Progress) -> None:
    lvm.rename(step.path, step.to, host.lock)


@do.register(steps.TrashVolume)
def _(step: steps.TrashVolume, host: Hands, progress: Progress) -> None:
    lvm.to_trash(step.path, step.trash, host.lock)


@do.register(steps.RemoveVolume)
def _(step: steps.RemoveVolume, host: Hands, progress: Progress) -> None:
    lvm.remove_unfinished(step.path, step.cloud, host.lock)
