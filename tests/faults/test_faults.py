"""Every point of a scenario, and random moments: whatever happens, the next apply ends it.

FAULTS_SEED says which random moments.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.faults.bench import Bench
from tests.faults.fault import FAILURES
from tests.faults.scenarios import FAST, SCENARIOS
from tests.goals import scaled, seen
from tests.integration.lab import Lab

pytestmark = [pytest.mark.integration, pytest.mark.timeout(scaled(300, 7200))]

SEED = int(os.environ.get("FAULTS_SEED") or random.randrange(1 << 32))
ALL = [one for one in SCENARIOS if scaled(0, 1) or one.name in FAST]


@pytest.fixture(scope="module", params=ALL, ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    lab = Lab.make("tctafault")
    yield Bench.of(request.param, lab)
    lab.clean()


@pytest.mark.goal(1)
def test_killed_at_every_point(bench: Bench) -> None:
    kills = 0
    for fault in bench.faults("kill"):
        done = bench.survives(fault)
        assert done.killed or not done.hit, (fault, done)
        kills += done.killed
    print(kills)
    seen(1, f"{bench.scenario}: SIGKILL at each point", kills)


@pytest.mark.goal(2)
@pytest.mark.parametrize("how", FAILURES)
def test_each_call_fails(bench: Bench, how: str) -> None:
    failures = 0
    for fault in bench.faults(how):
        done = bench.survives(fault)
        failures += bool(done.code)
    print(failures)
