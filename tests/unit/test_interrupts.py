"""Ctrl-C: what runs comes to its end first, whenever it is pressed, and however often."""

import signal
import time
from collections.abc import Sequence

import pytest

from tests.unit.test_apply import CLOUD, Say, ended, task
from tiny_cloud.apply import apply
from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import CutOff, Failure
from tiny_cloud.host import cut_off
from tiny_cloud.model import Plan
from tiny_cloud.steps import Step
from tiny_cloud.verbs.interrupts import CUTTING, ENDING, minded


class Slow:
    """Presses Ctrl-C so many times while its first step runs."""

    def __init__(self, presses: int) -> None:
        self.presses = presses
        self.said: list[str] = []

    def perform(self, step: Step, progress: Progress) -> None:
        assert isinstance(step, Say)
        for _ in range(0 if self.said else self.presses):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.02)
        self.said.append(step.word)

    def perform_batch(
        self, steps: Sequence[Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        raise NotImplementedError


@pytest.mark.parametrize("presses", [1, 3])
def test_what_runs_ends_and_nothing_else_begins(presses: int) -> None:
    host = Slow(presses)
    tasks = (task("a", Say("1"), Say("2")), task("b", Say("3"), after=["a"]))
    with minded() as stopping:
        events = list(apply(Plan(CLOUD, (), (), tasks), host, stopping=stopping))
    assert host.said == ["1", "2"]
    assert ended(events, "done") == {"a"} and ended(events, "skipped") == {"b"}


def test_the_second_one_cuts_off_and_each_says_what_it_does() -> None:
    said: list[str] = []
    with minded(said.append) as stopping:
        assert not stopping()
        signal.raise_signal(signal.SIGINT)
        assert stopping() and not cut_off.asked() and said == [ENDING]
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert cut_off.asked() and said == [ENDING, CUTTING]
        with pytest.raises(CutOff, match="cut off before its end"):
            cut_off.require_not()
    cut_off.require_not()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_before_anything_is_begun_and_afterwards_it_is_as_ever(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with minded() as stopping:
        assert signal.getsignal(number) is before
        assert not stopping()
        signal.raise_signal(number)
        assert stopping()
    assert signal.getsignal(number) is before


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with minded() as stopping:
            assert not stopping()
            signal.raise_signal(signal.SIGHUP)
            assert not stopping()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
