"""Disks get other bases, and become bases."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import layers
from tiny_cloud.host.hands import Hands, do, words_only


@do.register(steps.RebaseDisk)
def _(step: steps.RebaseDisk, host: Hands, progress: Progress) -> None:
    layers.rebase(step, words_only(progress), (host.lock,))


@do.register(steps.CommitDisk)
def _(step: steps.CommitDisk, host: Hands, progress: Progress) -> None:
    layers.commit(step, host.storage, progress, (host.lock,))
