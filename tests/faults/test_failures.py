"""Each external call of a scenario fails: it is said of what, and the next apply ends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.bench import Bench
from tests.faults.fault import FAILURES
from tests.faults.scenarios import chosen
from tests.goals import scaled, seen
from tests.integration.lab import Lab

pytestmark = [pytest.mark.integration, pytest.mark.timeout(scaled(300, 7200))]


@pytest.fixture(scope="module", params=chosen(walked=True), ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    lab = Lab.make("tctafail")
    yield Bench.of(request.param, lab)
    lab.clean()


@pytest.mark.goal(2)
@pytest.mark.parametrize("how", FAILURES)
def test_each_call_fails(bench: Bench, how: str) -> None:
    failures = weathered = 0
    for fault in bench.faults(how):
        done = bench.survives(fault)
        assert done.hit, f"{fault}: never came\n{done.said}"
        failures += 1
        weathered += done.code == 0
        assert done.code == 0 or bench.is_named(done), f"{fault}: {done.said}"
    print(f"{bench.scenario}: {how}: {failures}, of which {weathered} did no harm")
    seen(2, f"{how}: {bench.scenario}; {weathered} of them did no harm", failures)
