"""A guest's seed."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import records, seeds
from tiny_cloud.host.actions.guests import keep, revealed
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.model import Address


@do.register(steps.MakeSeed)
def _(step: steps.MakeSeed, host: Hands, progress: Progress) -> None:
    before = records.read(host.storage, Address.parse(step.address)) or {}
    told = seeds.make(step, before, secret=revealed, pass_fds=(host.lock,))
    keep(step, told, host, fresh=not step.identity)
