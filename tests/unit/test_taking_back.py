"""What an apply takes back when something fails: a machine that ran runs, with what it had."""

from __future__ import annotations

from tests.fake.host import FakeHost
from tests.unit.cloud import IMAGE, WEB, carry_out, fake_host, plan_for, settle
from tiny_cloud import steps
from tiny_cloud.events import Event

EDITED = WEB.replace("hostname: web", "hostname: other")


def failing(host: FakeHost, *kinds: type[steps.Step]) -> list[Event]:
    """A change of what is inside a running machine's disk, with steps of these kinds failing."""
    wanted = plan_for(host, IMAGE, EDITED, restart=("virtualmachine/web",))
    assert not wanted.blocked
    host.fails = lambda step: isinstance(step, kinds)
    events = carry_out(host, wanted)
    host.fails = lambda step: False
    return events


def told(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(e.what, str(e.address), e.text) for e in events if e.what in ("failed", "skipped")]


def test_a_machine_that_came_down_for_what_failed_runs_again() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    events = failing(host, steps.EditGuest)
    assert told(events) == [
        ("failed", "guest/web", "EditGuest was made to fail"),
        ("skipped", "virtualmachine/web", "not done, because of guest/web"),
    ]
    assert host.domain["lab-web"].live_xml
    settle(host, IMAGE, EDITED, restart=("virtualmachine/web",))


def test_where_it_cannot_run_again_that_is_said() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    events = failing(host, steps.EditGuest, steps.Start)
    assert ("failed", "virtualmachine/web",
            "its change could not be begun; nor could it be put back") in told(events)
    assert not host.domain["lab-web"].live_xml
