"""Images and disks are filled."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.events import Amount
from tiny_cloud.host import debootstrap, imports, kernels, qemu_img, secrets
from tiny_cloud.host.hands import Hands, do, words_only


@do.register(steps.Fetch)
def _(step: steps.Fetch, host: Hands, progress: Progress) -> None:
    from tiny_cloud.host import fetch  # urllib3 alone takes a tenth of a second to import

    fetch.fetch(step, lambda done, total: progress("downloads", Amount(done, total)))


@do.register(steps.ImportImage)
def _(step: steps.ImportImage, host: Hands, progress: Progress) -> None:
    imports.import_image(step, lambda done: progress("converts", done), (host.lock,))


@do.register(steps.Debootstrap)
def _(step: steps.Debootstrap, host: Hands, progress: Progress) -> None:
    debootstrap.build(step, progress, environ=host.appliance(), pass_fds=(host.lock,))


@do.register(steps.CreateDisk)
def _(step: steps.CreateDisk, host: Hands, progress: Progress) -> None:
    base = (step.backing, step.backing_format)
    key = secrets.told(step.secret)
    qemu_img.create(step.to, step.format, step.size, *base, (host.lock,), step.options, key)


@do.register(steps.ExtractKernel)
def _(step: steps.ExtractKernel, host: Hands, progress: Progress) -> None:
    say = words_only(progress)
    kernels.extract(step, environ=host.appliance(), pass_fds=(host.lock,), progress=say)
