"""Whole plans as people and programs see them: ``tests/scenarios/NAME/plan.txt`` and ``plan.json``.

``before.yaml`` (may be absent) was applied, ``after.yaml`` is planned; ``options.yaml`` may hold
consents and ``prune: true``. ``pytest --regenerate`` writes the goldens anew: read the difference.
"""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from tests.unit.cloud import carry_out, context, fake_host, plan_loaded
from tiny_cloud import loader
from tiny_cloud.render import text
from tiny_cloud.render.json import dumps

HERE = Path(__file__).parent
SCENARIOS = sorted(path.parent.name for path in HERE.glob("*/after.yaml"))


def load(file: str) -> loader.Loaded:
    return loader.load([file], context_of=context, root=True, machine_id="")


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(
    name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(HERE / name)
    options: dict[str, Any] = {}
    if Path("options.yaml").exists():
        options = yaml.safe_load(Path("options.yaml").read_text())
    host = fake_host()
    if Path("before.yaml").exists():
        events = carry_out(host, plan_loaded(host, load("before.yaml")))
        assert [event for event in events if event.what == "failed"] == []
    plan = plan_loaded(host, load("after.yaml"), **options)
    stream = io.StringIO()
    text.show_plan(Console(file=stream, width=100, soft_wrap=True), plan)
    shown = {"plan.txt": stream.getvalue(), "plan.json": dumps(plan) + "\n"}
    if request.config.getoption("--regenerate"):
        for file, content in shown.items():
            Path(file).write_text(content)
    assert shown["plan.txt"] == Path("plan.txt").read_text()
    assert json.loads(shown["plan.json"]) == json.loads(Path("plan.json").read_text())
