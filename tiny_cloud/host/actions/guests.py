"""What is written inside guests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.guests.deep import UNFINISHED
from tiny_cloud.host import (
    before_edit,
    files,
    guest,
    guests_together,
    inside,
    qemu_img,
    records,
    secrets,
)
from tiny_cloud.host.hands import Hands, do, words_only
from tiny_cloud.host.qemu_lock import require_unused
from tiny_cloud.model import Address
from tiny_cloud.schema import secret_of


@do.register(steps.EditGuest)
def _(step: steps.EditGuest, host: Hands, progress: Progress) -> None:
    address = Address.parse(step.address)
    # An appliance takes its time to find that out.
    require_unused(step.disk)
    record = None if step.fresh else records.read(host.storage, address)
    if record:
        # Should we be killed meanwhile, what is inside is neither the old nor the new.
        records.write(host.storage, address, {**record, UNFINISHED: True})
    try:
        hashes = guest.edit(step, secret=revealed, environ=host.appliance(),
                            pass_fds=(host.lock,), progress=words_only(progress))
    except Failure:
        _give_up(step)
        if record and before_edit.is_kept(step):
            records.write(host.storage, address, record)
        raise
    remember(step, hashes, host)


@do.register(steps.PrepareImage)
def _(step: steps.PrepareImage, host: Hands, progress: Progress) -> None:
    """As a guest's settings are written, but that nothing is fresh, grown or recorded."""
    settings = {**step.settings, "sysprep": step.sysprep, "growRoot": False}
    edit = steps.EditGuest(step.address, step.disk, step.format, settings, fresh=False)
    try:
        guest.edit(edit, secret=revealed, environ=host.appliance(), pass_fds=(host.lock,),
                   progress=words_only(progress))
    except Failure:
        _give_up(edit)
        raise


@do.register(steps.RecallGuest)
def _(step: steps.RecallGuest, host: Hands, progress: Progress) -> None:
    progress("starts the libguestfs appliance", None)
    found = inside.look(step.edit, environ=host.appliance(), resolve=secrets.need)
    if found.drifts:
        fields = ", ".join(drift.field or drift.path for drift in found.drifts)
        raise Failure(f"{step.edit.address}: inside it changed meanwhile: {fields}", "plan again")
    remember(step.edit, found.hashes, host)


def edit_together(
    edits: Sequence[steps.EditGuest], host: Hands, progress: Sequence[Progress]
) -> list[Failure | None]:
    """New overlays of one image; one outcome each, in their order."""
    tell = {step.address: words_only(one) for step, one in zip(edits, progress, strict=True)}
    company = guests_together.Company(revealed, host.appliance(), (host.lock,), tell)
    outcomes: list[Failure | None] = []
    for step, outcome in zip(edits, guests_together.edit(edits, company, host.parallel),
                             strict=True):
        if isinstance(outcome, Failure):
            _give_up(step)
        else:
            remember(step, outcome, host)
        outcomes.append(outcome if isinstance(outcome, Failure) else None)
    return outcomes


def _give_up(step: steps.EditGuest) -> None:
    """A new disk without its guest is nothing, and takes room; the next apply begins anew."""
    if step.disk.endswith(".part") and not step.disk.startswith("/dev/"):
        qemu_img.remove(step.disk)


def revealed(source: Mapping[str, Any]) -> str:
    return secrets.content(secret_of(source))


def remember(step: steps.EditGuest, hashes: Mapping[str, str], host: Hands) -> None:
    keep(step, {"hashes": dict(hashes)}, host, fresh=step.fresh)


def keep(
    step: steps.EditGuest | steps.MakeSeed, told: Mapping[str, Any], host: Hands, *, fresh: bool
) -> None:
    """The record is written before a new disk is published: see the design's crash safety."""
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
