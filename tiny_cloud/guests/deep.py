"""Drift as a plan shows it: a difference for each field. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud import schema
from tiny_cloud.guests.drift import KIND
from tiny_cloud.insides import ITSELF, Drift, Inside
from tiny_cloud.model import FieldDiff, Impact, State

ANOTHER = "(another)"
"""Stands for a secret that is not the one written last time; neither is ever shown."""
MISSING = "(missing)"
RECORD = FieldDiff("record", "(lost)", "as what is inside")
"""Nothing is written into the guest for it."""
UNFINISHED = "unfinished"
"""In a record: an edit of the guest has begun."""
CUT_OFF = FieldDiff("edit", "(cut off)", "whole", Impact.RESTART)


def differences(inside: Inside, desired: State) -> Iterator[FieldDiff]:
    """``desired``: the guest's declared fields."""
    by_field: dict[str, list[Drift]] = {}
    for drift in inside.drifts:
        name = drift.path if drift.field == ITSELF else drift.field
        by_field.setdefault(name, []).append(drift)
    for name, drifts in by_field.items():
        old = "; ".join(dict.fromkeys(map(_words, drifts)))
        # A file that is under no field's name is written while the machine is off, as all are.
        impact = schema.impact(KIND, name) if drifts[0].field else Impact.RESTART
        yield FieldDiff(name, old, desired.get(name, "as declared"), impact)


def _words(drift: Drift) -> str:
    if drift.hidden:
        return ANOTHER
    return ", ".join(line.strip() for line in drift.old if line.strip()) or MISSING
