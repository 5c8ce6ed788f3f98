"""What is shown while a plan is carried out: counts, speeds, and lines that fit."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tests.unit.cloud import IMAGE, WEB, carry_out, fake_host, plan_for, settle
from tests.unit.test_apply import CLOUD, Recorder, Say, task
from tiny_cloud.apply import apply
from tiny_cloud.errors import CutOff
from tiny_cloud.events import Amount, Event
from tiny_cloud.model import Action, Address, Change, Plan
from tiny_cloud.render import bars, events
from tiny_cloud.render.lines import broken, say
from tiny_cloud.render.live import Live
from tiny_cloud.render.meter import Meter, seconds
from tiny_cloud.render.tally import Tally


def log(plan: Plan, happened: Iterable[Event]) -> list[str]:
    stream = io.StringIO()
    live = Live(Console(file=stream, width=20, soft_wrap=True), plan, now=lambda: "12:00:00",
                clock=lambda: 0.0)
    for event in happened:
        live.show(event)
    return [*stream.getvalue().splitlines(), events.outcome(live.tally, stopped=False)]


def test_a_log_has_two_lines_a_change() -> None:
    host = fake_host()
    plan = plan_for(host, IMAGE, WEB)
    names = ("image/debian", "disk/web-root", "guest/web", "virtualmachine/web")
    said = log(plan, carry_out(host, plan))
    assert said[-1] == "Done: 4 changes."
    for name in names:
        assert [line for line in said if name in line] == [
            f"12:00:00 … {name} is being created", f"12:00:00 ✓ {name} created"]
    assert len(said) == 9


def test_a_machine_that_goes_down_for_a_change_says_so() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    wanted = WEB.replace("hostname: web", "hostname: www")
    plan = plan_for(host, IMAGE, wanted, restart=("virtualmachine/web",))
    assert log(plan, carry_out(host, plan)) == [
        "12:00:00 … virtualmachine/web is being taken down",
        "12:00:00 ✓ virtualmachine/web is down",
        "12:00:00 … guest/web is being changed",
        "12:00:00 ✓ guest/web changed",
        "12:00:00 … virtualmachine/web is being restarted",
        "12:00:00 ✓ virtualmachine/web restarted",
        "Done: 2 changes.",
    ]


def plan_of(*names: str, blocked: str = "") -> Plan:
    """Each waits for the one before it."""
    tasks = [task(name, Say(name), after=names[max(0, at - 1):at])
             for at, name in enumerate(names)]
    changes = [Change(Address("x", name), Action.CREATE) for name in names]
    if blocked:
        changes.append(Change(Address("x", blocked), Action.CREATE, blocked="no"))
    return Plan(CLOUD, tuple(changes), (), tuple(tasks))


def test_a_failure_is_told_with_what_is_done_and_what_is_not() -> None:
    plan = plan_of("a", "b", "c", "d", blocked="e")
    said = log(plan, apply(plan, Recorder(frozenset("b")), parallel=1))
    assert said[2:] == [
        "12:00:00 … x/b is being created",
        "12:00:00 ✘ x/b: b failed",
        "           $ say b",
        "12:00:00 ⊘ x/c: not done, because of x/b",
        "12:00:00 ⊘ x/d: not done, because of x/b",
        "Failed: 1 of 4 changes done, 1 failed, 2 not done, 1 blocked.",
    ]


def test_all_that_could_be_done_is_done() -> None:
    plan = plan_of("a", blocked="b")
    assert log(plan, apply(plan, Recorder(), parallel=1))[-1] == "Done: 1 change. 1 blocked."


def test_what_did_not_become_what_was_asked_for_is_not_done() -> None:
    plan = plan_of("a", "b")
    happened = [*apply(plan, Recorder(), parallel=1), Event("failed", Address("x", "a"), text="no")]
    assert log(plan, happened)[-1] == "Failed: 1 of 2 changes done, 1 failed."


def test_counts_of_the_graph() -> None:
    tasks = (task("a", Say("1")), task("b", Say("2")), task("empty", after=["a"]),
             task("c", Say("3"), after=["empty"]))
    tally = Tally.of(Plan(CLOUD, (), (), tasks))

    def counts() -> tuple[int, int, int, int]:
        return tally.done, len(tally.running), len(tally.ready), tally.waiting

    def note(what: str, name: str) -> tuple[int, int, int, int]:
        tally.note(Event(what, Address("x", name), "up"))
        return counts()

    assert (tally.total, counts()) == (3, (0, 0, 2, 1))
    assert note("started", "a") == (0, 1, 1, 1)
    assert note("done", "a") == (1, 0, 2, 0)
    assert note("started", "c") == (1, 1, 1, 0)
    assert note("failed", "c") == (1, 0, 1, 1)


def test_one_that_is_cut_off_is_not_taken_back() -> None:
    class Cut(Recorder):
        def perform(self, step: object, progress: object) -> None:
            raise CutOff

    plan = plan_of("a", "b")
    happened = list(apply(plan, Cut(), parallel=1))
    assert [event.what for event in happened] == ["started", "step", "failed", "skipped"]
    assert "goes on from what is there" in happened[2].hint


def test_speed_and_time_left() -> None:
    meter = Meter()
    for second in range(30):
        meter.note(Amount((second if second < 15 else 15) << 20, 100 << 20), float(second))
        if second == 20:
            # Of the last ten seconds five brought something.
            assert meter.speed(20.0) == 1 << 19 and meter.left(20.0) == 85 * 2
    assert meter.speed(29.0) == 0.0 and meter.left(29.0) is None, "it stands still"
    meter.note(Amount(1 << 20, 100 << 20), 30.0)
    assert meter.speed(30.0) == 0.0 and meter.left(30.0) is None, "it began again"
    meter.note(Amount(3 << 20, 100 << 20), 32.0)
    assert meter.speed(32.0) == 1 << 20 and meter.left(32.0) == 97.0
    unknown = Meter()
    unknown.note(Amount(0), 0.0)
    unknown.note(Amount(1 << 20), 1.0)
    assert unknown.speed(1.0) == 1 << 20 and unknown.left(1.0) is None


@pytest.mark.parametrize(("time", "words"), [
    (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (3780, "1 h 3 min")])
def test_times(time: float, words: str) -> None:
    assert seconds(time) == words


@given(st.integers(10, 200), st.integers(3, 30), st.text("ab漢 ", max_size=60),
       st.text("abc漢/-", min_size=1, max_size=60), st.sampled_from(
           (None, Amount(5), Amount(0, 9), Amount(5 << 30, 9 << 30))))
def test_no_line_is_wider_or_higher_than_the_window(
    width: int, height: int, stage: str, name: str, amount: Amount | None
) -> None:
    rows = []
    for number in range(8):
        row = bars.Row(f"{name}{number}", 0.0)
        row.note(stage, amount, 0.0)
        row.note(stage, amount and amount._replace(done=amount.done + number), 2.0)
        rows.append(row)
    shown = list(bars.lines(rows, Tally.of(plan_of("a", "b")), 3.0, 0.0, width=width,
                            height=height))
    assert len(shown) <= height
    assert all(cell_len(line.plain) <= width for line in shown)


@given(st.lists(st.text("ab漢→", min_size=1, max_size=30), min_size=1), st.integers(5, 80))
def test_lines_break_between_words_and_lose_none(words: list[str], width: int) -> None:
    lines = broken(Text(" ".join(words), style="red"), width)
    assert " ".join(line.plain for line in lines).split() == words
    for line in lines[1:]:
        assert cell_len(line.plain) <= width - 2 or " " not in line.plain
    stream = io.StringIO()
    say(Console(file=stream, width=width), Text(" ".join(words), style="red"), 2)
    assert stream.getvalue() == f"  {' '.join(words)}\n"  # whole, in a file


def test_what_stands_above_stays_however_both_threads_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_cloud.render.live.PERIOD", 0.0)
    names = [f"n{number:03}" for number in range(200)]
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, height=24, soft_wrap=True)
    console.print("Do this? y")
    with Live(console, plan_of(*names)) as live:
        for first in range(0, len(names), 4):
            for what in ("started", "done"):
                for name in names[first:first + 4]:
                    live.show(Event(what, Address("x", name), "up"))
    screen = pyte.HistoryScreen(80, 24, history=1000)
    pyte.Stream(screen).feed(stream.getvalue().replace("\n", "\r\n"))
    above = ["".join(line[x].data for x in range(80)) for line in screen.history.top]
    shown = [line.rstrip() for line in (*above, *screen.display) if line.strip()]
    assert shown == ["Do this? y", *(f"  ✓ x/{name} created" for name in names)]
