"""SIGKILL at each point of a scenario, and at random moments: the next apply ends it.

Which random moments: FAULTS_SEED.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.faults.bench import Bench
from tests.faults.fault import KILLS
from tests.faults.scenario import Scenario
from tests.faults.scenarios import DICED, KILLED, chosen
from tests.faults.slow_scenarios import SLOW
from tests.goals import scaled, seed, seen

pytestmark = [pytest.mark.integration, pytest.mark.timeout(scaled(900, 7200))]

SEED = seed("FAULTS_SEED")
MOMENTS = scaled(24, 1200)
"""Some come when all is done already."""
ELSEWHERE = ("volumes: LVM runs inside a guest of tests/integration/test_lvm.py alone, which kills "
             "by step; builds are killed by step in tests/integration/test_crash.py")


@pytest.fixture(scope="module", ids=str,
                params=[*chosen(KILLED), *SLOW[:scaled(0, len(SLOW))]])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with Bench.of(request.param, "tctakill") as bench:
        yield bench


@pytest.mark.goal(1)
@pytest.mark.parametrize("how", KILLS)
def test_at_every_point(bench: Bench, how: str) -> None:
    """Where no command runs there is nothing more to kill than tinycloud itself. In the short form
    at every second one."""
    runs = bench.survives_all(islice(bench.faults(how), 0, None, scaled(2, 1)))
    assert all(done.killed for done in runs)
    seen(1, f"{how} at each point: {bench.scenario}", len(runs), short=ELSEWHERE)


@pytest.mark.goal(1)
@pytest.mark.parametrize("scenario", chosen(DICED), ids=str)
def test_at_random_moments(scenario: Scenario) -> None:
    dice = random.Random(f"{SEED} {scenario}")
    with Bench.of(scenario, "tctarandom") as bench:
        moments = islice(bench.moments(dice), -(-MOMENTS // len(chosen(DICED))))
        kills = sum(done.killed for done in bench.survives_all(moments, parallel=4))
    print(f"FAULTS_SEED={SEED}: {kills} kills")
    seen(1, f"kill at random moments: {scenario}", kills, seed=SEED, short=ELSEWHERE)
