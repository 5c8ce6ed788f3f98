"""What is written inside a guest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiny_cloud import steps
from tiny_cloud.apply import Progress
from tiny_cloud.host import files, guest, qemu_img, records, secrets
from tiny_cloud.host.hands import Hands, do, words_only
from tiny_cloud.model import Address
from tiny_cloud.schema import secret_of


@do.register
def _(step: steps.EditGuest, host: Hands, progress: Progress) -> None:
    """The record is written before a new disk is published: see the design's crash safety."""
    hashes = guest.edit(
        step,
        step.disk,
        secret=lambda source: secrets.need(secret_of(source)),
        environ=host.appliance(),
        pass_fds=(host.lock,),
        progress=words_only(progress),
    )
    remember(host, step, {"hashes": dict(hashes)}, fresh=step.fresh)


def remember(
    host: Hands, step: steps.EditGuest | steps.MakeSeed, told: Mapping[str, Any], *, fresh: bool
) -> None:
    """The record of what was declared, with what was ``told`` of doing it, and of which disk."""
    record: Mapping[str, Any] = {
        **step.record,
        **told,
        "inode": files.identity(step.disk),
        "diskSize": qemu_img.info(step.disk, step.format).virtual_size,
    }
    address = Address.parse(step.address)
    if fresh:
        # Until the new disk takes the old one's place, the old one's record still counts.
        before = dict(records.read(host.storage, address) or {})
        record = {**record, "before": {k: v for k, v in before.items() if k != "before"} or None}
    records.write(host.storage, address, record)
