"""One test a file: ``tests/kinds/KIND/CASE.yaml``.

    given:     manifests that were applied before (a list of documents without apiVersion)
    declared:  manifests now; both may be left out
    prune:     true, as with --prune
    consents:  {restart: [virtualmachine/web]}
    changes:   the plan, a line a change: "+ disk/data", with " !" where it is blocked
    problem:   or the error (a part of it) that there is instead of a plan
    commands:  what a person would type, all of it, in order; {storage} is the cloud's folder
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cloud import STORAGE, brief, fake_host, plan_for, settle
from tiny_cloud.errors import Problems
from tiny_cloud.model import Plan

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.yaml"))


@pytest.mark.parametrize("file", CASES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_case(file: Path) -> None:
    case: dict[str, Any] = yaml.safe_load(file.read_text())
    host = fake_host()
    settle(host, *map(yaml.safe_dump, case.get("given", ())))
    documents = list(map(yaml.safe_dump, case.get("declared", ())))
    consents = {name: tuple(globs) for name, globs in case.get("consents", {}).items()}
    options = {"prune": case.get("prune", False), **consents}
    if "problem" in case:
        with pytest.raises(Problems) as error:
            plan_for(host, *documents, **options)
        assert case["problem"] in str(error.value)
        return
    plan = plan_for(host, *documents, **options)
    assert brief(plan) == case["changes"]
    if "commands" in case:
        assert commands(plan) == [line.format(storage=STORAGE) for line in case["commands"]]
    settle(host, *documents, **options)


def commands(plan: Plan) -> list[str]:
    """Those of a person: what only tinycloud does (stamps, records) is a comment in the plan."""
    steps = [step for c in plan.changes for step in (*c.down, *c.up, *c.seal) if not c.blocked]
    lines = [step.shell() for step in steps]
    return [line for line in lines if not line.startswith("#")]


def test_every_kind_has_cases() -> None:
    from tiny_cloud.resource import Resource

    assert {file.parent.name for file in CASES} == set(Resource.registry)
