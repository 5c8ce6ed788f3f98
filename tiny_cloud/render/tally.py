"""What of a plan is done, goes on, can begin and waits, as its events tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from msgspec import Struct, field

from tiny_cloud.apply.batches import Key
from tiny_cloud.events import Event
from tiny_cloud.model import Action, Address, Plan


class Tally(Struct):
    """A task without steps is done as soon as what it waits for is, and is not counted."""

    actions: Mapping[Address, Action]
    """Of the changes that are carried out."""
    blocked: int
    ahead: dict[Address, set[Key]] = field(default_factory=dict)
    """What each change has still to do."""
    ready: set[Key] = field(default_factory=set)
    running: set[Key] = field(default_factory=set)
    done: int = 0
    total: int = 0
    """Of tasks, these two."""
    finished: list[Address] = field(default_factory=list)
    failed: list[Address] = field(default_factory=list)
    skipped: list[Address] = field(default_factory=list)
    _graph: TopologicalSorter[Key] = field(default_factory=TopologicalSorter)

    @classmethod
    def of(cls, plan: Plan) -> Tally:
        actions = {change.address: change.action for change in plan.changes if not change.blocked}
        tally = cls(actions, len(plan.blocked))
        for task in plan.tasks:
            tally._graph.add(task.key, *task.after)
            if task.steps:
                tally.ahead.setdefault(task.key[0], set()).add(task.key)
                tally.total += 1
        tally._graph.prepare()
        tally._refill()
        return tally

    @property
    def waiting(self) -> int:
        return self.total - self.done - len(self.running) - len(self.ready)

    def note(self, event: Event) -> None:
        key = (event.address, event.phase)
        if event.what == "started":
            self.ready.discard(key)
            self.running.add(key)
        elif event.what == "done":
            self._end(key)
        elif event.what == "failed":
            self.running.discard(key)
            # What is looked at again at the end was done once already.
            if event.address in self.finished:
                self.finished.remove(event.address)
            if event.address not in self.failed:
                self.failed.append(event.address)
        elif event.what == "skipped":
            self.skipped.append(event.address)

    def is_finished(self, address: Address) -> bool:
        return not self.ahead.get(address)

    def _end(self, key: Key) -> None:
        self.running.discard(key)
        left = self.ahead.get(key[0], set())
        if key in left:
            left.remove(key)
            self.done += 1
            self._graph.done(key)
            self._refill()
            if not left:
                self.finished.append(key[0])

    def _refill(self) -> None:
        while fresh := self._graph.get_ready():
            for key in fresh:
                if key in self.ahead.get(key[0], ()):
                    self.ready.add(key)
                else:
                    self._graph.done(key)
