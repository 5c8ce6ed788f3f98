"""Where each task of a plan stands while it is carried out: what is ready, runs, or has failed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from graphlib import TopologicalSorter

from msgspec import Struct, field

from tiny_cloud.apply.batches import Key, worth_waiting_for
from tiny_cloud.model import Plan, Task


class Standing(Struct):
    """A task that is ready is in one of three queues, in the plan's order.

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
    def of(cls, plan: Plan) -> Standing:
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
