"""A Plan as JSON: its form is ``schemas/plan.json``."""

import json
from typing import Any

from tiny_cloud.events import Amount, Event
from tiny_cloud.model import Action, Change, Plan

FORMAT_VERSION = 1
WORDS = {action: action.name.lower() for action in Action}


def plan_document(plan: Plan) -> dict[str, Any]:
    return {
        "formatVersion": FORMAT_VERSION,
        "cloud": {
            "name": plan.cloud.name,
            "connect": plan.cloud.connect,
            "storage": plan.cloud.storage,
        },
        "changes": [_change(change) for change in plan.changes],
        "notes": [{"address": str(note.address), "text": note.text} for note in plan.notes],
    }


def dumps(plan: Plan) -> str:
    return json.dumps(plan_document(plan), indent=2, ensure_ascii=True)


def event_line(event: Event) -> str:
    """One event as one line of JSON."""
    words = {
        "event": event.what,
        "address": str(event.address),
        "phase": event.phase,
        "text": event.text,
        "hint": event.hint,
        "detail": event.detail,
        "place": event.place,
        **_amount(event.amount),
    }
    return json.dumps({key: value for key, value in words.items() if value not in ("", None)})


def _amount(amount: Amount | None) -> dict[str, float | int | None]:
    if amount is None:
        return {}
    fraction = amount.done / amount.total if amount.total else None
    return {"fraction": fraction, "done": amount.done, "total": amount.total or None}


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": WORDS[change.action],
        "impact": change.impact.value,
        "restarts": list(map(str, change.restarts)),
        "because": list(change.because),
        "blocked": change.blocked,
        "allow": change.allow,
        "fields": [
            {
                "field": diff.field,
                "old": diff.old,
                "new": diff.new,
                "impact": diff.impact.value,
            }
            for diff in change.diffs
        ],
        "commands": list(change.commands),
        **({"renamedFrom": change.former.name} if change.former else {}),
        "source": None
        if change.span is None
        else {"file": change.span.file, "line": change.span.line},
    }
