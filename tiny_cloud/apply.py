"""Walk a plan's graph with a thread pool and yield Events.

A failed step stops what depends on it and nothing else. The calling thread owns the graph; workers
only run steps.
"""

from __future__ import annotations

import queue
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from graphlib import TopologicalSorter
from typing import Protocol, TypeAlias

from tiny_cloud.batches import Key, worth_waiting_for
from tiny_cloud.errors import Failure
from tiny_cloud.model import PHASES, Event, Plan, Task
from tiny_cloud.steps import Step

Progress: TypeAlias = Callable[[str, float | None], None]
"""Called by a running step with words and, where known, the fraction done."""

_Messages: TypeAlias = "queue.SimpleQueue[Event | tuple[list[Key], Future[list[Failure | None]]]]"

NOT_STARTED = "not started"


class Performer(Protocol):
    """Who carries steps out: a host, or a fake that counts."""

    def perform(self, step: Step, progress: Progress) -> None:
        """Raises Failure."""

    def perform_batch(
        self, steps: Sequence[Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        """Two or more steps of one batch together; each has its progress and its outcome, in their
        order."""


@dataclass(slots=True)
class _Run:
    """Where each task stands. A task that is ready is in one of three queues, in the plan's order.

    Each start and each finish costs the same however many tasks there are.
    """

    tasks: Mapping[Key, Task]
    graph: TopologicalSorter[Key]
    after: Mapping[Key, frozenset[Key]]
    batched: Mapping[str, Mapping[Key, int]]
    """For each batch, the tasks that have a step of it, and the position of the last such step."""
    position: dict[Key, int]
    """The index of each task's next step."""
    empty: deque[Key] = field(default_factory=deque)
    """Ready, without steps."""
    plain: OrderedDict[Key, None] = field(default_factory=OrderedDict)
    """Ready, and its next step is one to run by itself."""
    waiting: dict[str, list[Key]] = field(default_factory=dict)
    """Ready, and before a step of a batch: by batch."""
    held: dict[str, Key] = field(default_factory=dict)
    """For a batch, a task in whose hands it is whether waiting pays, as long as that is busy."""
    running: dict[Key, None] = field(default_factory=dict)
    unfinished: set[Key] = field(default_factory=set)
    failed: dict[Key, None] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> _Run:
        tasks = {task.key: task for task in plan.tasks}
        graph: TopologicalSorter[Key] = TopologicalSorter(dict.fromkeys(tasks, ()))
        batched: dict[str, dict[Key, int]] = {}
        for key, task in tasks.items():
            graph.add(key, *task.after)
            for at, step in enumerate(task.steps):
                if step.batch:
                    batched.setdefault(step.batch, {})[key] = at
        graph.prepare()
        after = {key: task.after for key, task in tasks.items()}
        return cls(tasks, graph, after, batched, dict.fromkeys(tasks, 0), unfinished=set(tasks))

    def refill(self) -> None:
        for key in self.graph.get_ready():
            self.enqueue(key)

    def enqueue(self, key: Key) -> None:
        """Into the queue that fits its next step."""
        steps = self.tasks[key].steps
        if not steps:
            self.empty.append(key)
        elif batch := steps[self.position[key]].batch:
            self.waiting.setdefault(batch, []).append(key)
        else:
            self.plain[key] = None

    def has_more(self, key: Key) -> bool:
        return self.position[key] < len(self.tasks[key].steps)

    def is_busy(self, key: Key) -> bool:
        """Whether it runs or could run now."""
        return key in self.running or key in self.plain

    def batch(self) -> list[Key]:
        """The tasks whose next step is to be executed together now; none while waiting pays."""
        for batch in self.waiting:
            if batch in self.held and self.is_busy(self.held[batch]):
                continue
            last = self.batched[batch]
            coming = (key for key, at in last.items() if self.position[key] <= at)
            busy = [*self.running, *self.plain]
            holder = worth_waiting_for(coming, self.after, self.unfinished, busy)
            if holder is None:
                return self.waiting.pop(batch)
            self.held[batch] = holder
        return []


def apply(
    plan: Plan,
    host: Performer,
    *,
    parallel: int = 4,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Carry a plan out.

    ``stopping`` is asked before each new start: once true, what runs ends and nothing else starts.
    """
    run = _Run.of(plan)
    messages: _Messages = queue.SimpleQueue()
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        finished = True
        while True:
            # Only what has finished makes room, or makes something else ready.
            if finished and not stopping():
                yield from _start(run, host, pool, messages, parallel)
            if not run.running:
                break
            message = messages.get()
            finished = not isinstance(message, Event)
            if isinstance(message, Event):
                yield message
                continue
            keys, future = message
            for key, failure in zip(keys, _outcomes(keys, future), strict=True):
                yield from _finish(run, key, failure)
    if not stopping():
        yield from _bring_back(run, host)
    yield from _skipped(run)


def _start(
    run: _Run,
    host: Performer,
    pool: ThreadPoolExecutor,
    messages: _Messages,
    parallel: int,
) -> Iterator[Event]:
    """Hand to the pool whatever can run now."""

    def submit(keys: list[Key], work: Callable[[], list[Failure | None]]) -> None:
        run.running.update(dict.fromkeys(keys))
        pool.submit(work).add_done_callback(lambda done: messages.put((keys, done)))

    run.refill()
    while run.empty:
        yield from _finish(run, run.empty.popleft(), None)
        if not run.empty:
            run.refill()
    while run.plain and len(run.running) < parallel:
        key, _ = run.plain.popitem(last=False)
        if run.position[key] == 0:
            yield Event("started", *key)
        submit([key], partial(_work, run, key, host, messages.put))
    while keys := run.batch():
        yield from (Event("started", *key) for key in keys if run.position[key] == 0)
        submit(keys, partial(_work_batch, run, keys, host, messages.put))


def _outcomes(keys: list[Key], future: Future[list[Failure | None]]) -> list[Failure | None]:
    """One a task. Whatever else than a Failure went wrong in a worker is a bug, and said so."""
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    if isinstance(error, Failure):
        return [error] * len(keys)
    words = f"internal error: {type(error).__name__}: {error}".removesuffix(": ")
    trace = "".join(traceback.format_exception(error))
    return [Failure(words, "this is a bug: please report it", trace)] * len(keys)


def _work(
    run: _Run, key: Key, host: Performer, tell: Callable[[Event], None]
) -> list[Failure | None]:
    """Run a task's steps up to its end or its next batched step."""
    steps = run.tasks[key].steps
    try:
        while (at := run.position[key]) < len(steps) and not steps[at].batch:
            tell(Event("step", *key, text=steps[at].shell()))
            host.perform(steps[at], _teller(key, tell))
            run.position[key] = at + 1
    except Failure as failure:
        return [_take_back(run, key, host, tell, failure)]
    return [None]


def _take_back(
    run: _Run, key: Key, host: Performer, tell: Callable[[Event], None], failure: Failure
) -> Failure:
    """What was done to the thing before is undone, last first, where its steps know how."""
    address, phase = key
    begun = PHASES[:PHASES.index(phase) + 1]
    done = [step for other in begun if (address, other) in run.tasks
            for step in run.tasks[address, other].steps[:run.position[address, other]]]
    for step in (back for item in reversed(done) for back in item.undo()):
        tell(Event("step", *key, text=f"{step.shell()}  # takes it back"))
        try:
            host.perform(step, _teller(key, tell))
        except Failure as other:
            detail = "\n".join(filter(None, (failure.detail, other.summary, other.detail)))
            return Failure(f"{failure.summary}; nor could it be put back", failure.hint, detail)
    return failure


def _bring_back(run: _Run, host: Performer) -> Iterator[Event]:
    """What came down for a change that was not begun then, because something else failed, is as it
    was: a machine runs."""
    for address, phase in run.tasks:
        key = (address, phase)
        untouched = phase == "up" and key in run.unfinished and key not in run.failed
        if untouched and not run.position[key] and (address, "down") not in run.unfinished:
            told: list[Event] = []
            not_begun = Failure("its change could not be begun")
            failure = _take_back(run, key, host, told.append, not_begun)
            yield from told
            if failure is not not_begun:
                yield from _finish(run, key, failure)


def _work_batch(
    run: _Run, keys: list[Key], host: Performer, tell: Callable[[Event], None]
) -> list[Failure | None]:
    steps = [run.tasks[key].steps[run.position[key]] for key in keys]
    tellers = [_teller(key, tell) for key in keys]
    for key, step in zip(keys, steps, strict=True):
        tell(Event("step", *key, text=step.shell()))
    outcomes = _together(host, steps, tellers)
    for key, failure in zip(keys, outcomes, strict=True):
        if failure is None:
            run.position[key] = run.position[key] + 1
    return outcomes


def _together(
    host: Performer, steps: Sequence[Step], tellers: Sequence[Progress]
) -> list[Failure | None]:
    """One that is alone in its batch is a step as any other."""
    if len(steps) > 1:
        return list(host.perform_batch(steps, tellers))
    try:
        host.perform(steps[0], tellers[0])
    except Failure as failure:
        return [failure]
    return [None]


def _teller(key: Key, tell: Callable[[Event], None]) -> Progress:
    def say(text: str, fraction: float | None) -> None:
        tell(Event("progress", *key, text=text, fraction=fraction))

    return say


def _finish(run: _Run, key: Key, failure: Failure | None) -> Iterator[Event]:
    run.running.pop(key, None)
    if failure is not None:
        run.failed[key] = None
        yield Event("failed", *key, text=failure.summary, hint=failure.hint, detail=failure.detail)
    elif run.has_more(key):
        run.enqueue(key)
    else:
        run.unfinished.discard(key)
        run.graph.done(key)
        if run.tasks[key].steps:
            yield Event("done", *key)


def _skipped(run: _Run) -> Iterator[Event]:
    """Each thing once, whichever of its phases were not begun; what failed has said so already."""
    blame, told = _blame(run), {address for address, _ in run.failed}
    for key, task in run.tasks.items():
        if key in run.unfinished and key[0] not in told and task.steps:
            told.add(key[0])
            guilty = [failed for failed in run.failed if failed in blame[key]]
            why = ", ".join(dict.fromkeys(str(address) for address, _ in guilty))
            yield Event("skipped", *key, text=f"not done, because of {why}" if why else NOT_STARTED)


def _blame(run: _Run) -> Mapping[Key, frozenset[Key]]:
    """For each unfinished task, the failed ones that it waits for, directly or not."""
    left = {key: run.after[key] & run.unfinished for key in run.tasks if key in run.unfinished}
    blame: dict[Key, frozenset[Key]] = {}
    for key in TopologicalSorter(left).static_order():
        above = {blame[other] | {other} if other in run.failed else blame[other]
                 for other in left[key]}
        # Most wait for one thing: they share its set instead of each having a copy.
        blame[key] = above.pop() if len(above) == 1 else frozenset().union(*above)
    return blame
