"""The executor: order, failures that stop only what depends on them, and batches."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex

from tiny_cloud.apply import apply
from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.events import Event
from tiny_cloud.model import Address, Cloud, Plan, Task
from tiny_cloud.steps import Step

CLOUD = Cloud("test", "test:///default", "/nowhere")


class Say(Step, frozen=True):
    word: str

    def shell(self) -> str:
        return f"say {self.word}"


class Shared(Say, frozen=True):
    @property
    def batch(self) -> str:
        return "appliance"


@dataclass
class Recorder:
    """A performer that keeps the words said, and fails those it is told to."""

    fail: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.said: list[str] = []
        self.batches: list[list[str]] = []

    def perform(self, step: Step, progress: Progress) -> None:
        assert isinstance(step, Say)
        if step.word in self.fail:
            raise Failure(f"{step.word} failed")
        self.said.append(step.word)

    def perform_batch(
        self, steps: Sequence[Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        words = [step.word for step in steps if isinstance(step, Say)]
        self.batches.append(words)
        return [Failure(f"{word} failed") if word in self.fail else None for word in words]


def task(name: str, *steps: Step, after: Iterable[str] = ()) -> Task:
    return Task(
        (Address("x", name), "up"), steps, frozenset((Address("x", a), "up") for a in after)
    )


def run(host: Recorder, *tasks: Task, parallel: int = 4) -> list[Event]:
    return list(apply(Plan(CLOUD, (), (), tasks), host, parallel=parallel))


def ended(events: list[Event], what: str) -> set[str]:
    return {event.address.name for event in events if event.what == what}


def test_a_task_waits_for_those_before_it_also_through_empty_ones() -> None:
    host = Recorder()
    events = run(
        host,
        task("top", Say("3"), after=["empty"]),
        task("empty", after=["middle"]),
        task("middle", Say("2"), after=["base"]),
        task("base", Say("0"), Say("1")),
    )
    assert host.said == ["0", "1", "2", "3"]
    assert ended(events, "done") == {"top", "middle", "base"}


def test_only_empty_tasks_end_at_once() -> None:
    assert run(Recorder(), task("a", after=["b"]), task("b")) == []


def test_a_failure_stops_what_depends_on_it_and_nothing_else() -> None:
    host = Recorder(fail=frozenset({"bad"}))
    events = run(
        host,
        task("a", Say("bad"), Say("never")),
        task("b", Say("b"), after=["a"]),
        task("c", Say("c"), after=["b"]),
        task("d", Say("d")),
    )
    assert host.said == ["d"]
    assert ended(events, "failed") == {"a"}
    assert ended(events, "skipped") == {"b", "c"}
    assert ended(events, "done") == {"d"}


def test_independent_tasks_run_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=10)

    class Meeting(Recorder):
        def perform(self, step: Step, progress: Progress) -> None:
            barrier.wait()  # breaks if the other task is not running now

    events = run(Meeting(), task("a", Say("a")), task("b", Say("b")))
    assert ended(events, "done") == {"a", "b"}


def test_stopping_lets_nothing_new_start() -> None:
    host = Recorder()
    plan = Plan(CLOUD, (), (), (task("a", Say("a")), task("b", Say("b"), after=["a"])))
    events = list(apply(plan, host, stopping=lambda: "a" in host.said))
    assert host.said == ["a"]
    assert ended(events, "skipped") == {"b"}


def test_steps_of_one_batch_run_together_once_all_are_there() -> None:
    host = Recorder()
    names = [f"disk{n}" for n in range(5)]
    overlays = [task(name, Say(name)) for name in names]
    guests = [
        task(f"guest-{name}", Shared(f"edit {name}"), Say(f"seal {name}"), after=[name])
        for name in names
    ]
    events = run(host, *overlays, *guests, parallel=2)
    assert [sorted(batch) for batch in host.batches] == [[f"edit {name}" for name in names]]
    assert len(ended(events, "done")) == len(ended(events, "started")) == 10


def test_a_batch_does_not_wait_for_what_can_no_longer_come() -> None:
    host = Recorder(fail=frozenset({"disk1"}))
    events = run(
        host,
        task("disk0", Say("disk0")),
        task("disk1", Say("disk1")),
        task("guest0", Shared("edit 0"), after=["disk0"]),
        task("guest1", Shared("edit 1"), after=["disk1"]),
        task("late", Shared("late"), after=["guest0"]),
    )
    assert host.said == ["disk0", "edit 0", "late"] and host.batches == []
    assert ended(events, "skipped") == {"guest1"}


def test_members_of_a_batch_fail_one_by_one() -> None:
    host = Recorder(fail=frozenset({"edit 1"}))
    events = run(
        host,
        task("g0", Shared("edit 0"), Say("0")),
        task("g1", Shared("edit 1"), Say("1")),
        task("m1", Say("m1"), after=["g1"]),
    )
    assert host.said == ["0"]
    assert ended(events, "failed") == {"g1"}
    assert ended(events, "skipped") == {"m1"}


def test_a_thousand_tasks_end() -> None:
    host = Recorder()
    run(host, *(task(str(n), Say(str(n)), after=[str(n - 1)] if n else []) for n in range(1000)))
    assert host.said == [str(n) for n in range(1000)]


def test_what_is_skipped_names_the_failures_that_it_waits_for_and_no_other() -> None:
    host = Recorder(fail=frozenset({"bad 1", "bad 2"}))
    events = run(
        host,
        task("a", Say("bad 1")),
        task("b", Say("bad 2")),
        task("only-a", Say("x"), after=["between"]),
        task("between", after=["a"]),
        task("only-b", Say("y"), after=["b"]),
        task("both", Say("z"), after=["only-a", "only-b"]),
        parallel=1,
    )
    assert {e.address.name: e.text for e in events if e.what == "skipped"} == {
        "only-a": "not done, because of x/a",
        "only-b": "not done, because of x/b",
        "both": "not done, because of x/a, x/b",
    }


def test_what_is_skipped_is_told_once_whatever_was_to_be_done_to_it() -> None:
    first, second = (Address("x", name) for name in "ab")
    tasks = (
        Task((first, "up"), (Say("bad"),), frozenset()),
        Task((first, "seal"), (Say("never"),), frozenset({(first, "up")})),
        Task((second, "down"), (Say("off"),), frozenset({(first, "seal")})),
        Task((second, "up"), (Say("on"),), frozenset({(second, "down")})),
    )
    events = apply(Plan(CLOUD, (), (), tasks), Recorder(fail=frozenset({"bad"})))
    assert [(e.what, e.address) for e in events if e.what in ("failed", "skipped")] == [
        ("failed", first), ("skipped", second)]


def test_what_was_stopped_blames_nobody() -> None:
    host = Recorder(fail=frozenset({"bad"}))
    tasks = (
        task("a", Say("bad")), task("b", Say("b")),
        task("c", Say("c"), after=["a"]), task("d", Say("d"), after=["b"]),
    )  # fmt: skip
    plan = Plan(CLOUD, (), (), tasks)
    events = list(apply(plan, host, parallel=1, stopping=lambda: "b" in host.said))
    assert {e.address.name: e.text for e in events if e.what == "skipped"} == {
        "c": "not done, because of x/a", "d": "not started",
    }  # fmt: skip


class Buggy(Recorder):
    def perform(self, step: Step, progress: Progress) -> None:
        if step.shell() == "say bug":
            raise KeyError("path")
        super().perform(step, progress)

    def perform_batch(
        self, steps: Sequence[Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        raise ValueError


def test_a_bug_fails_its_task_alone() -> None:
    host = Buggy()
    events = run(host, task("a", Say("bug")), task("b", Say("b")), task("c", Say("c"), after=["a"]))
    (failed,) = [event for event in events if event.what == "failed"]
    assert failed.address.name == "a"
    assert failed.text == "internal error: KeyError: 'path'"
    assert failed.hint == "this is a bug: please report it"
    assert failed.detail.startswith("Traceback") and "KeyError: 'path'" in failed.detail
    assert ended(events, "done") == {"b"} and ended(events, "skipped") == {"c"}


def test_a_bug_in_a_batch_fails_all_that_are_in_it() -> None:
    host = Buggy()
    events = run(host, task("a", Shared("1")), task("b", Shared("2")), task("c", Say("c")))
    assert [(e.address.name, e.text) for e in events if e.what == "failed"] == [
        ("a", "internal error: ValueError"), ("b", "internal error: ValueError"),
    ]  # fmt: skip
    assert ended(events, "done") == {"c"}


def test_tasks_start_in_the_plans_order() -> None:
    host = Recorder()
    names = [f"{n:02}" for n in range(40)]
    above = [task(f"above {name}", Say(f"above {name}"), after=[name]) for name in names]
    run(host, *above, *(task(name, Say(name)) for name in names), parallel=1)
    assert [word for word in host.said if "above" not in word] == names
    assert [word for word in host.said if "above" in word] == [f"above {name}" for name in names]


LOOKS: list[object] = []


class Watched(tuple[Step, ...]):
    """Steps that count how often somebody looks at them."""

    def __len__(self) -> int:
        LOOKS.append(self)
        return super().__len__()

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        LOOKS.append(self)
        return super().__getitem__(at)

    def __iter__(self) -> Iterator[Step]:
        LOOKS.append(self)
        return super().__iter__()


class Edges(frozenset[tuple[Address, str]]):
    """What a task waits for, counted likewise."""

    def __iter__(self) -> Iterator[tuple[Address, str]]:
        LOOKS.append(self)
        return super().__iter__()


def looks(tasks: Iterable[Task]) -> int:
    """How often an apply looks at the tasks' steps and edges."""
    watched = [Task(one.key, Watched(one.steps), Edges(one.after)) for one in tasks]
    LOOKS.clear()
    run(Recorder(), *watched)
    return len(LOOKS)


def test_each_task_is_looked_at_as_often_however_many_there_are() -> None:
    def alone(count: int) -> list[Task]:
        return [task(str(n), Say(str(n))) for n in range(count)]

    assert looks(alone(400)) <= 4 * looks(alone(100))


def test_so_is_what_waits_for_a_batch() -> None:
    def filled(count: int) -> list[Task]:
        disks = [task(f"disk{n}", Say(f"disk{n}")) for n in range(count)]
        guests = [task(f"guest{n}", Shared(f"{n}"), after=[f"disk{n}"]) for n in range(count)]
        return [*guests, *disks]

    # When exactly the last disks end is up to the threads: room for some more looks.
    assert looks(filled(400)) <= 6 * looks(filled(100))
