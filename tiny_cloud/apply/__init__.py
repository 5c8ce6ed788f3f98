"""Walk a plan's graph with a thread pool and yield Events.

A failed step stops what depends on it and nothing else. The calling thread owns the graph; workers
only run steps.
"""

from __future__ import annotations

import queue
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from graphlib import TopologicalSorter
from typing import TypeAlias

from tiny_cloud.apply.batches import Key
from tiny_cloud.apply.standing import Standing
from tiny_cloud.apply.workers import Performer, take_back, work, work_batch
from tiny_cloud.errors import Failure
from tiny_cloud.events import Event
from tiny_cloud.model import Plan

_Messages: TypeAlias = "queue.SimpleQueue[Event | tuple[list[Key], Future[list[Failure | None]]]]"

NOT_STARTED = "not started"
NOT_FINISHED = "begun and not finished"


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
    run = Standing.of(plan)
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
    run: Standing,
    host: Performer,
    pool: ThreadPoolExecutor,
    messages: _Messages,
    parallel: int,
) -> Iterator[Event]:
    """Hand to the pool whatever can run now."""

    def submit(keys: list[Key], job: Callable[[], list[Failure | None]]) -> None:
        run.running.update(dict.fromkeys(keys))
        pool.submit(job).add_done_callback(lambda done: messages.put((keys, done)))

    run.refill()
    while run.empty:
        yield from _finish(run, run.empty.popleft(), None)
        if not run.empty:
            run.refill()
    while run.plain and len(run.running) < parallel:
        key, _ = run.plain.popitem(last=False)
        if run.position[key] == 0:
            yield Event("started", *key)
        submit([key], partial(work, run, key, host, messages.put))
    while keys := run.batch():
        yield from (Event("started", *key) for key in keys if run.position[key] == 0)
        submit(keys, partial(work_batch, run, keys, host, messages.put))


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


def _bring_back(run: Standing, host: Performer) -> Iterator[Event]:
    """What came down for a change that was not begun then, because something else failed, is as it
    was: a machine runs."""
    for address, phase in run.tasks:
        key = (address, phase)
        untouched = phase == "up" and key in run.unfinished and key not in run.failed
        if untouched and not run.position[key] and (address, "down") not in run.unfinished:
            told: list[Event] = []
            not_begun = Failure("its change could not be begun")
            failure = take_back(run, key, host, told.append, not_begun)
            yield from told
            if failure is not not_begun:
                yield from _finish(run, key, failure)


def _finish(run: Standing, key: Key, failure: Failure | None) -> Iterator[Event]:
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


def _skipped(run: Standing) -> Iterator[Event]:
    """Each thing once, whichever of its phases were not begun; what failed has said so already."""
    blame, told = _blame(run), {address for address, _ in run.failed}
    begun = {key[0] for key in run.tasks
             if run.position[key] or (key not in run.unfinished and run.tasks[key].steps)}
    for key, task in run.tasks.items():
        if key in run.unfinished and key[0] not in told and task.steps:
            told.add(key[0])
            guilty = [failed for failed in run.failed if failed in blame[key]]
            why = ", ".join(dict.fromkeys(str(address) for address, _ in guilty))
            text = NOT_FINISHED if key[0] in begun else NOT_STARTED
            yield Event("skipped", *key, text=f"not done, because of {why}" if why else text)


def _blame(run: Standing) -> Mapping[Key, frozenset[Key]]:
    """For each unfinished task, the failed ones that it waits for, directly or not."""
    left = {key: run.after[key] & run.unfinished for key in run.tasks if key in run.unfinished}
    blame: dict[Key, frozenset[Key]] = {}
    for key in TopologicalSorter(left).static_order():
        above = {blame[other] | {other} if other in run.failed else blame[other]
                 for other in left[key]}
        # Most wait for one thing: they share its set instead of each having a copy.
        blame[key] = above.pop() if len(above) == 1 else frozenset().union(*above)
    return blame
