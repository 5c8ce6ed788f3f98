"""What must be the same for a plan to still hold: what is done, and to which very objects. Pure.

It is plain JSON, so that a saved plan can be compared with one that is made anew. What is only said
for people (reasons, notes) is not in it, nor is anything that changes by itself: how much a disk
takes, a balloon's size, who else lives on the host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from tiny_cloud.model import PHASES, Change, Plan
from tiny_cloud.steps import Step

Essence: TypeAlias = Sequence[Mapping[str, Any]]
"""One mapping a change: address, action, blocked, fields, identities, down, up, seal."""


def essence(plan: Plan) -> Essence:
    found: Essence = json.loads(json.dumps([_change(change) for change in plan.changes]))
    return found


def difference(before: Essence, now: Essence) -> str:
    """The first thing that is not as it was, as half a sentence; empty: the plan still holds."""
    old, new = ({change["address"]: change for change in one} for one in (before, now))
    for address in dict.fromkeys((*old, *new)):
        if old.get(address) != new.get(address):
            return f"{address}: {_what(old.get(address), new.get(address))}"
    return "" if list(old) == list(new) else "the order of the changes is another"


def _change(change: Change) -> dict[str, Any]:
    seen = {change.address: change.observed, **change.around}
    return {
        "address": str(change.address),
        "action": change.action.name.lower(),
        "blocked": change.blocked,
        "fields": {diff.field: [diff.old, diff.new] for diff in change.diffs},
        "identities": {str(a): item.identity for a, item in seen.items() if item is not None},
        **{phase: [_step(step) for step in getattr(change, phase)] for phase in PHASES},
    }


def _step(step: Step) -> dict[str, Any]:
    return {"step": type(step).__name__, **msgspec.to_builtins(step)}


def _what(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None:
        fields = ", ".join(new["fields"]) if new else ""
        return f"{fields or 'it'} has changed since"
    if new is None:
        return "nothing is left to do"
    return next(_differences(old, new))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for address, identity in old["identities"].items():
        if new["identities"].get(address, identity) != identity:
            other = "it" if address == old["address"] else address
            yield f"{other} is another object than before"
    if old["blocked"] != new["blocked"]:
        yield f"it is blocked now: {new['blocked']}" if new["blocked"] else "it is blocked no more"
    names = dict.fromkeys((*old["fields"], *new["fields"]))
    fields = [name for name in names if old["fields"].get(name) != new["fields"].get(name)]
    if fields:
        yield f"{', '.join(fields)} has changed since"
    if old["action"] != new["action"]:
        yield f"it would be {new['action']}, and was {old['action']}"
    for address in dict.fromkeys((*old["identities"], *new["identities"])):
        if old["identities"].get(address) != new["identities"].get(address):
            yield f"{address} came or went since"
    yield "it would be done in another way than before"
