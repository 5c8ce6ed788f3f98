"""The steps that give libvirt a machine's definition: a new one, or its own with changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud.facts import TRANSIENT
from tiny_cloud.libvirt_xml import (
    Interface,
    build,
    live_changes,
    merge,
    nvram_of,
    overlaid,
    parts,
    renamed,
)
from tiny_cloud.machines.domain import domain_of
from tiny_cloud.machines.identity import uuid_of
from tiny_cloud.machines.variables import renewed
from tiny_cloud.model import Change, Observed, Ownership
from tiny_cloud.resource import Resource
from tiny_cloud.snapshots import standing
from tiny_cloud.steps import Define, MakeFolder, Step

STOP_TIMEOUT = 90
"""Seconds a guest gets to power off, or to let go of a device."""


def define(
    machine: Resource, change: Change, cards: tuple[Interface, ...], name: str
) -> Iterator[Step]:
    """``name``: what libvirt calls it now; of a new one, what it is to be called."""
    seen, cloud = change.observed, machine.context.cloud
    ours = seen is not None and seen.ownership is Ownership.OURS
    if not ours:
        yield MakeFolder(cloud.path("consoles"), 0o711)
    if seen is None:
        model = domain_of(machine, change, uuid_of(machine), cards)
        xml, keep_cpu = build(model), parts.cpu.is_declared(machine.spec)
        yield from renewed(cloud.path("nvram"), "", nvram_of(xml))
        yield Define(name, xml, model.accel, keep_cpu)
        return
    changed = {diff.field for diff in change.diffs} - {"running", "autostart", *machine.policy()}
    moved = change.former or change.fresh or change.rebased
    if changed or moved or not ours or not change.diffs or seen.fields["running"] == TRANSIENT:
        yield from _redefine(machine, change, seen, cards, name)


def _redefine(
    machine: Resource, change: Change, seen: Observed, cards: tuple[Interface, ...], name: str
) -> Iterator[Step]:
    xml, nvram = str(seen.facts["xml"]), machine.context.cloud.path("nvram")
    if change.former:
        name = str(machine.provides()["domain"])
        xml = renamed(xml, name)
    fresh = merge(xml, domain_of(machine, change, uuid_of(machine), cards))
    yield from renewed(nvram, nvram_of(xml), nvram_of(fresh))
    # Not back to a definition whose files are no more.
    over = standing.overlays(seen)
    before = "" if change.fresh or change.rebased else overlaid(xml, over)
    yield Define(name, overlaid(fresh, over), before=before)
    # A guest that goes off anyway is not asked to let go of anything before.
    if seen.running and not change.stop and machine.spec.get("running", True):
        patience = machine.spec.get("stopTimeout", STOP_TIMEOUT)
        live = str(seen.facts["live"])
        yield from live_changes.steps(name, live, fresh, change.diffs, patience)
