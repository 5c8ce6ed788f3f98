"""Walk a plan's graph with a thread pool and yield Events.

A failed step stops what depends on it and nothing else. The calling thread owns the graph; workers
only run steps.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from graphlib import TopologicalSorter
from typing import Protocol, TypeAlias

from tiny_cloud.batches import Key, ready_batch
from tiny_cloud.errors import Failure
from tiny_cloud.model import Event, Plan, Task
from tiny_cloud.steps import Step

Progress: TypeAlias = Callable[[str, float | None], None]
"""Called by a running step with words and, where known, the fraction done."""


_Messages: TypeAlias = "queue.SimpleQueue[Event | tuple[list[Key], Future[list[Failure | None]]]]"


class Performer(Protocol):
    """Who carries steps out: a host, or a fake that counts."""

    def perform(self, step: Step, progress: Progress) -> None:
        """Raises Failure."""

    def perform_batch(self, steps: Sequence[Step], progress: Progress) -> Sequence[Failure | None]:
        """Steps of one batch together; one outcome each, in their order."""


@dataclass(slots=True)
class _Run:
    """Where each task stands. ``position`` is the index of its next step."""

    tasks: Mapping[Key, Task]
    graph: TopologicalSorter[Key]
    position: dict[Key, int]
    ready: dict[Key, None] = field(default_factory=dict)
    """What could run now, in the plan's order."""
    running: set[Key] = field(default_factory=set)
    unfinished: set[Key] = field(default_factory=set)
    failed: dict[Key, None] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> _Run:
        tasks = {task.key: task for task in plan.tasks}
        graph = TopologicalSorter({key: task.after for key, task in tasks.items()})
        graph.prepare()
        return cls(tasks, graph, dict.fromkeys(tasks, 0), unfinished=set(tasks))

    def refill(self) -> None:
        self.ready.update(dict.fromkeys(self.graph.get_ready()))

    def rest(self, key: Key) -> Sequence[Step]:
        return self.tasks[key].steps[self.position[key] :]

    def waiting(self) -> dict[Key, str]:
        """Ready tasks that stand before a step to be batched, with the batch's key."""
        found = {key: rest[0].batch for key in self.ready if (rest := self.rest(key))}
        return {key: batch for key, batch in found.items() if batch}

    def batch(self) -> list[Key]:
        """The tasks whose next step is to be executed together now; none while waiting pays."""
        waiting = self.waiting()
        if not waiting:
            return []
        ahead = {key: {step.batch for step in self.rest(key)} for key in self.unfinished}
        after = {key: task.after for key, task in self.tasks.items()}
        busy = self.running | {key for key in self.ready if key not in waiting}
        chosen = ready_batch(waiting, ahead, after, busy)
        return [key for key, name in waiting.items() if name == chosen]


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
        while True:
            if not stopping():
                yield from _start(run, host, pool, messages, parallel)
            if not run.running:
                break
            message = messages.get()
            if isinstance(message, Event):
                yield message
                continue
            keys, future = message
            for key, failure in zip(keys, future.result(), strict=True):
                yield from _finish(run, key, failure)
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
        for key in keys:
            run.ready.pop(key)
            run.running.add(key)
        pool.submit(work).add_done_callback(lambda done: messages.put((keys, done)))

    run.refill()
    while empty := [key for key in run.ready if not run.tasks[key].steps]:
        for key in empty:
            yield from _finish(run, key, None)
        run.refill()
    waiting = run.waiting()
    for key in [key for key in run.ready if key not in waiting]:
        if len(run.running) < parallel:
            if run.position[key] == 0:
                yield Event("started", *key)
            submit([key], partial(_work, run, key, host, messages.put))
    keys = run.batch()
    if keys:
        submit(keys, partial(_work_batch, run, keys, host, messages.put))


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
        return [failure]
    return [None]


def _work_batch(
    run: _Run, keys: list[Key], host: Performer, tell: Callable[[Event], None]
) -> list[Failure | None]:
    steps = [run.tasks[key].steps[run.position[key]] for key in keys]
    for key, step in zip(keys, steps, strict=True):
        tell(Event("step", *key, text=step.shell()))
    outcomes = list(host.perform_batch(steps, _teller(keys[0], tell)))
    for key, failure in zip(keys, outcomes, strict=True):
        if failure is None:
            run.position[key] = run.position[key] + 1
    return outcomes


def _teller(key: Key, tell: Callable[[Event], None]) -> Progress:
    def say(text: str, fraction: float | None) -> None:
        tell(Event("progress", *key, text=text, fraction=fraction))

    return say


def _finish(run: _Run, key: Key, failure: Failure | None) -> Iterator[Event]:
    run.running.discard(key)
    if failure is not None:
        run.failed[key] = None
        yield Event("failed", *key, text=failure.summary, hint=failure.hint, detail=failure.detail)
    elif run.rest(key):
        run.ready[key] = None
    else:
        run.ready.pop(key, None)
        run.unfinished.discard(key)
        run.graph.done(key)
        if run.tasks[key].steps:
            yield Event("done", *key)


def _skipped(run: _Run) -> Iterator[Event]:
    why = ", ".join(dict.fromkeys(str(address) for address, _ in run.failed))
    text = f"not done, because of {why}" if why else "not started"
    for key, task in run.tasks.items():
        if key in run.unfinished and key not in run.failed and task.steps:
            yield Event("skipped", *key, text=text)
