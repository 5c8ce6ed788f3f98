"""What is written inside a guest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiny_cloud import steps
from tiny_cloud.apply import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.host import files, guest, inside, qemu_img, records, secrets
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
    _remember(step, hashes, host)


@do.register
def _(step: steps.RecallGuest, host: Hands, progress: Progress) -> None:
    progress("starts the libguestfs appliance", None)
    found = inside.look(step.edit, environ=host.appliance(), resolve=secrets.need)
    if found.drifts:
        fields = ", ".join(drift.field or drift.path for drift in found.drifts)
        raise Failure(f"{step.edit.address}: inside it changed meanwhile: {fields}", "plan again")
    _remember(step.edit, found.hashes, host)


def _remember(step: steps.EditGuest, hashes: Mapping[str, str], host: Hands) -> None:
    size = qemu_img.info(step.disk, step.format).virtual_size
    told: Mapping[str, Any] = {
        **step.record,
        "hashes": dict(hashes),
        "inode": files.identity(step.disk),
        "diskSize": size,
    }
    address = Address.parse(step.address)
    if step.fresh:
        # Until the new disk takes the old one's place, the old one's record still counts.
        before = dict(records.read(host.storage, address) or {})
        told = {**told, "before": {k: v for k, v in before.items() if k != "before"} or None}
    records.write(host.storage, address, told)
