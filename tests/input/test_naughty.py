"""Naughty texts in every field: refused in a sentence, or carried as they are (goal 14)."""

from __future__ import annotations

import json
import random
from functools import partial

import pytest

from tests.goals import scaled, seen
from tests.input.fields import Field, replaced, steps, texts
from tests.input.naughty import NAUGHTY
from tests.input.test_generated import load, printable, require_readable, show
from tests.unit.cloud import fake_host, plan_loaded
from tiny_cloud.errors import Problems
from tiny_cloud.model import Plan
from tiny_cloud.render import json as as_json
from tiny_cloud.render import text

SEED = 14
WORD = "Zq7"
"""A text of no meaning: where it stands, a naughty one shall stand, and nowhere else."""
TAKEN_APART = {"VirtualMachine.spec.disks.[].rbd.monitors.[]"}
"""Into host and port."""


def planned(documents: list[dict[str, object]]) -> Plan | None:
    """None: refused, in sentences that can be shown."""
    host = fake_host()
    manifest = "\n---\n".join(json.dumps(one, ensure_ascii=False) for one in documents)
    try:
        plan = plan_loaded(host, load(manifest, host))
    except Problems as error:
        require_readable(error.problems)
        return None
    show(partial(text.show_plan, plan=plan, commands=True))
    printable(as_json.dumps(plan))
    return plan


@pytest.mark.goal(14)
@pytest.mark.timeout(3600)
def test_naughty_texts_in_every_field_are_refused_or_carried() -> None:
    chance = random.Random(SEED)
    fields = [Field(kind, path) for kind, path in texts()]
    right = sum(field.right for field in fields)
    tried = carried = 0
    for field in fields:
        quiet = planned(field.holding(WORD)) if field.exact else None
        expected = steps(quiet) if quiet is not None else None
        for naughty in chance.sample(NAUGHTY, scaled(2, len(NAUGHTY))):
            tried += 1
            plan = planned(field.holding(naughty))
            if plan is not None and expected is not None and field.name not in TAKEN_APART:
                carried += 1
                found = steps(plan)
                assert found == replaced(expected, WORD, naughty), f"{field.name}: {naughty!r}"
    assert right > len(fields) * 4 // 5 and carried > tried // 20
    seen(14, f"naughty texts in {len(fields)} fields of all kinds; {carried} times carried as they "
         "are, else refused", tried, seed=SEED,
         short=f"{len(fields) - right} fields only go with something that their schemas' examples "
         "do not have: there a text is in a document that is wrong anyway")
