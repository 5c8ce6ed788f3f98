"""A guest's seed."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply import Progress
from tiny_cloud.host import records, secrets, seeds
from tiny_cloud.host.actions.guests import remember
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.model import Address
from tiny_cloud.schema import secret_of


@do.register
def _(step: steps.MakeSeed, host: Hands, progress: Progress) -> None:
    before = records.read(host.storage, Address.parse(step.address)) or {}
    told = seeds.make(step, before, secret=lambda source: secrets.need(secret_of(source)),
                      pass_fds=(host.lock,))
    remember(host, step, told, fresh=not step.identity)
