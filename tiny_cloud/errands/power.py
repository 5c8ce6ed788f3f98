"""Machines are switched on and off because somebody says so now. Pure.

Several at once: each is a change of its own, and waits for none of the others.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from tiny_cloud.errands import Actual, Errand, one, plan_of
from tiny_cloud.facts import TRANSIENT, Reader
from tiny_cloud.machines.definition import STOP_TIMEOUT
from tiny_cloud.model import Action, Address, Change, FieldDiff, Impact, Note, Observed, Plan
from tiny_cloud.resource import Context, Resource
from tiny_cloud.steps import Shutdown, Start, Step

GONE = "it has no definition: stopped, it is gone until the next apply"


class Power(enum.Enum):
    """What is asked of a machine."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    """One that is off is started."""


class _Drawn(Struct):
    changes: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def errand(meant: Sequence[Address], power: Power, *, force: bool = False) -> Errand:
    """``meant``: machines, globs too. ``force``: whoever is not off in time (``stopTimeout``) has
    its plug pulled."""

    def plan(host: Reader, context: Context, declared: Sequence[Resource],
             owned: Sequence[Resource], actual: Actual) -> Plan:
        drawn = _Drawn()
        for machine in one.selected([*declared, *owned], meant):
            seen = one.observed(machine, actual)
            change = _change(machine, seen, power, force=force)
            if change is None:
                words = "it runs already" if seen.running else "it is off already"
                drawn.notes.append(Note(machine.address, words))
            else:
                drawn.changes.append(change)
                kept = machine.spec.get("running", True) if machine in declared else None
                drawn.notes += _remarks(seen, power, kept, machine.address)
        return replace(plan_of(context.cloud, drawn.changes), notes=tuple(drawn.notes))

    return plan


def _change(
    machine: Resource, seen: Observed, power: Power, *, force: bool
) -> Change | None:
    """None: it is so already."""
    name = str(seen.facts["name"])
    patience = machine.spec.get("stopTimeout", STOP_TIMEOUT)
    off: tuple[Step, ...] = (Shutdown(name, patience, force),) if seen.running else ()
    if power is Power.RESTART and seen.running:
        return Change(machine.address, Action.RESTART, impact=Impact.RESTART, observed=seen,
                      up=(*off, Start(name)))
    on = power is not Power.STOP
    if seen.running is on:
        return None
    return Change(machine.address, Action.UPDATE, (FieldDiff("running", not on, on),),
                  observed=seen, up=(Start(name),) if on else off)


def _remarks(
    seen: Observed, power: Power, kept: bool | None, address: Address
) -> Iterator[Note]:
    """``kept``: how its manifest wants it; None: no manifest does."""
    on = power is not Power.STOP
    if kept is not None and kept is not on:
        word = "starts" if kept else "stops"
        yield Note(address, f"its manifest says running: {str(kept).lower()}, so that the next "
                   f"apply {word} it again")
    if not on and seen.fields.get("running") == TRANSIENT:
        yield Note(address, GONE)
