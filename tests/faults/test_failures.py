"""Each external call of a scenario fails: it is said of what, and the next apply ends it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.faults.bench import Bench
from tests.faults.fault import FAILURES, INTERRUPT
from tests.faults.run import run
from tests.faults.scenarios import FAILING, chosen
from tests.faults.watch import changes_something
from tests.goals import scaled, seen
from tests.integration.lab import TINYCLOUD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(scaled(900, 7200))]


@pytest.fixture(scope="module", params=chosen(FAILING), ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with Bench.of(request.param, "tctafail") as bench:
        yield bench


@pytest.mark.goal(9)
def test_nothing_is_left_to_do(bench: Bench) -> None:
    bench.begin()
    assert bench.run().code == 0
    bench.require_settled()
    bench.require_idle()
    seen(9, f"second plan and second apply: {bench.scenario}", 1)


@pytest.mark.goal(10)
def test_plan_writes_nothing(bench: Bench) -> None:
    """Every file system read-only, the home folder too; libvirt's own sockets stay reachable."""
    bench.begin()
    before = bench.tree()
    planned = run(bench.plan, bench.lab.storage)
    assert planned.code in (0, 1), planned.said
    assert [point for point in planned.points if changes_something(point)] == []
    readonly = subprocess.run(
        ("unshare", "--mount", "sh", "-c",
         'mount -o remount,bind,ro / && HOME=/nonexistent exec "$@"', "sh",
         TINYCLOUD, *bench.plan),
        capture_output=True, text=True, check=False)
    assert (readonly.stdout, readonly.returncode) == (planned.out, planned.code), readonly.stderr
    assert bench.tree() == before
    seen(10, f"a plan, and one without write access: {bench.scenario}", 2)


@pytest.mark.goal(1)
def test_interrupted_at_each_point(bench: Bench) -> None:
    """Ctrl-C: whatever is under way ends, or says that it was cut off."""
    runs = bench.survives_all(bench.faults(INTERRUPT))
    assert not any(done.killed for done in runs)
    seen(1, f"Ctrl-C at each step and command: {bench.scenario}", len(runs))


@pytest.mark.goal(2)
@pytest.mark.parametrize("how", FAILURES[:scaled(1, len(FAILURES))])
def test_each_call_fails(bench: Bench, how: str) -> None:
    runs = bench.survives_all(bench.faults(how))
    harmless = [done.hit for done in runs if not done.code]
    print(f"{bench.scenario}: {how}: {len(runs)}, of which {len(harmless)} did no harm: {harmless}")
    seen(2, f"{how}: {bench.scenario}; {len(harmless)} of them did no harm", len(runs))
