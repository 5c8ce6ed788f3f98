"""No manifest that can be written ends in a traceback: 100,000 made from the schemas (goal 13)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from rich.console import Console

from tests.fake.host import FakeHost
from tests.goals import scaled, seen
from tests.input.manifests import clouds
from tests.unit.cloud import context, fake_host, plan_loaded
from tiny_cloud import loader
from tiny_cloud.errors import Failure, Problem, Problems
from tiny_cloud.render import json as as_json
from tiny_cloud.render import text

EXAMPLES = scaled(200, 100_000)
reached: dict[str, int] = {}
"""How far they came: of 100,000 manifests that are refused at once nothing would be learned."""


@pytest.mark.goal(13)
@pytest.mark.timeout(6 * 3600)
def test_no_manifest_is_a_traceback() -> None:
    reached.clear()
    through()
    assert reached["planned"] > EXAMPLES // 20 and reached["refused"] > EXAMPLES // 20, reached
    seen(13, f"manifests made from the schemas, loaded, planned and shown: {reached}", EXAMPLES)


@settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
@given(clouds())
def through(manifest: str) -> None:
    """What the fuzzer calls, too."""
    host = fake_host()
    try:
        plan = plan_loaded(host, load(manifest, host))
    except Problems as error:
        reach("refused")
        require_readable(error.problems)
        return
    except Failure as failure:
        reach("failed")
        show(partial(text.show_failure, failure=failure))
        return
    reach("planned")
    show(partial(text.show_plan, plan=plan, commands=True))
    form("plan").validate(json.loads(printable(as_json.dumps(plan))))


def reach(where: str) -> None:
    reached[where] = reached.get(where, 0) + 1


def load(manifest: str, host: FakeHost) -> loader.Loaded:
    return loader.load(["-"], stdin=io.StringIO(manifest), root=True, machine_id="",
                       context_of=lambda cloud: context(cloud, host))


def require_readable(problems: tuple[Problem, ...]) -> None:
    """Each is a sentence of bounded length, and all of them can be shown."""
    assert problems
    for problem in problems:
        assert 10 < len(problem.summary) < 1000, problem
        assert len(problem.hint) < 2000, problem
    show(partial(text.show_problems, problems=problems))


def show(what: Callable[[Console], None]) -> str:
    stream = io.StringIO()
    what(Console(file=stream, width=100, soft_wrap=True, highlight=False, markup=False))
    return printable(stream.getvalue())


def printable(shown: str) -> str:
    """It can be written to a terminal as it is, and means nothing to it."""
    shown.encode()
    assert all(c == "\n" or c.isprintable() for c in shown), shown
    return shown


@cache
def form(name: str) -> Draft202012Validator:
    schema = json.loads((Path(__file__).parents[2] / f"schemas/{name}.json").read_text())
    return Draft202012Validator(schema)
