"""The Python API, on which the command line stands: ``tiny_cloud.load().plan().apply()``."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from tiny_cloud import apply as execution
from tiny_cloud import given, inventory, journal, linking, loader, plan, probe, reading, targets
from tiny_cloud.addresses import full_address, machine_address
from tiny_cloud.document import Document
from tiny_cloud.errands import Actual, Errand, leftovers, power
from tiny_cloud.errands.leftovers import Leftover
from tiny_cloud.errands.power import Power
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.essence import Essence, difference, essence
from tiny_cloud.events import Event
from tiny_cloud.host import cut_off, here, secrets
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.perform import Host
from tiny_cloud.host.records import recall
from tiny_cloud.host.snapshot import Snapshot
from tiny_cloud.inventory import Thing
from tiny_cloud.model import Action, Address, Cloud, Consents, Observed, Plan, Unknown
from tiny_cloud.naming import record_of
from tiny_cloud.outcome import Incomplete
from tiny_cloud.purging import Trash, trash_of
from tiny_cloud.resource import Resource
from tiny_cloud.wish import Wish as Wish


class View(Struct, frozen=True):
    """A host at one moment, and what is there of all that is declared or owned."""

    host: Snapshot
    owned: Sequence[Resource]
    """And not declared."""
    actual: Actual
    """What is not in here is not there."""

    def get(self, name: str) -> Observed | Unknown | None:
        """What KIND/NAME (``vm/web``) is like; None: it is not there."""
        return self.actual.get(Address.parse(full_address(name)))


class Workspace(Struct, frozen=True):
    """Linked manifests: what should be."""

    cloud: Cloud
    resources: tuple[Resource, ...]

    def plan(self, wish: Wish | None = None) -> Planned:
        """Ask the host and say what would change; nothing is changed. Raises Problems, Failure."""
        wish = (wish or Wish()).full()
        libvirt = Libvirt(self.cloud.connect, readonly=True)
        return Planned(self, wish, self._plan(wish, libvirt))

    def record(self, kind: str, name: str) -> Mapping[str, Any]:
        """What is remembered of a thing; empty: nothing."""
        return recall(self.cloud, Address(kind, name))

    def errand(self, what: Errand) -> Planned:
        """What is done once and is in no manifest, shown as a plan. Raises Problems, Failure."""
        libvirt = Libvirt(self.cloud.connect, readonly=True)
        return Planned(self, Wish(), self._planned(Wish(), libvirt, what), what)

    def power(self, what: Power, *names: str, force: bool = False) -> Planned:
        """Switch machines (``web``, ``vm/web``, globs) on or off, all at once; what a manifest says
        of ``running`` stays what the next apply goes back to. ``force``: who is not off within its
        stopTimeout has its plug pulled. Raises Failure for a name that nothing has."""
        return self.errand(power.errand([*map(machine_address, names)], what, force=force))

    def _planned(self, wish: Wish, libvirt: Libvirt, errand: Errand | None) -> Plan:
        if errand is None:
            return self._plan(wish, libvirt)
        seen = self.look(libvirt)
        return errand(seen.host, here.context(self.cloud), self.resources, seen.owned, seen.actual)

    def look(self, libvirt: Libvirt | None = None, *, run_commands: bool = False) -> View:
        """What is there now of all that is declared or owned. Raises Failure."""
        libvirt = libvirt or Libvirt(self.cloud.connect, readonly=True)
        snapshot = self._snapshot(libvirt, Wish(run_commands=run_commands))
        owned = self._undeclared(snapshot)
        return View(snapshot, owned, probe.probe(snapshot, [*self.resources, *owned]))

    def things(self) -> list[Thing]:
        """All that is declared or owned, and how it is on the host. Raises Failure."""
        known = linking.remembered(self.resources)
        seen = replace(self, resources=known).look()
        return inventory.things(seen.host, known, seen.owned, seen.actual)

    def leftovers(self) -> list[Leftover]:
        """What runs that were cut off have left. Raises Failure."""
        seen, about = self.look(), here.context(self.cloud)
        return leftovers.leftovers(seen.host, about, self.resources, seen.owned, seen.actual)

    def trash(self) -> Trash:
        """What waits to be deleted for good. Raises Failure."""
        return trash_of(self.cloud, self.resources)

    def _snapshot(self, libvirt: Libvirt, wish: Wish) -> Snapshot:
        for item in self.resources[:1]:  # they share one context
            item.context.forget()
        return Snapshot(self.cloud, libvirt, run_commands=wish.run_commands, deep=wish.deep,
                        appliance=here.appliance)

    def _plan(self, wish: Wish, libvirt: Libvirt) -> Plan:
        snapshot = self._snapshot(libvirt, wish)
        part = targets.leaving if wish.destroy else targets.wanted
        resources = part(self.resources, wish.targets, wish.selector)
        if wish.destroy:
            return self._destruction(snapshot, resources, wish.consents)
        problems = probe.check(snapshot, resources)
        if problems:
            raise Problems(problems)
        undeclared = [] if wish.partial else self._undeclared(snapshot)
        actual = probe.probe(snapshot, [*resources, *undeclared])
        found = plan.plan(
            resources,
            actual,
            cloud=self.cloud,
            consents=wish.consents,
            undeclared=undeclared,
            prune=wish.prune,
        )
        left = [] if wish.partial else leftovers.notes(snapshot, resources, actual)
        # What somebody makes at this moment was not cut off.
        busy = left and journal.holder(Path(self.cloud.storage))
        return found if busy else replace(found, notes=(*found.notes, *left))

    def _destruction(
        self, snapshot: Snapshot, declared: Sequence[Resource], consents: Consents
    ) -> Plan:
        """What was applied goes: an image's source need not be there any more for that."""
        resources = [
            dataclasses.replace(item, recorded=record or {}, links={})
            for item in declared
            # Of a copy: what was found out before the record went does not count.
            if (record := record_of(snapshot, item)) or linking.has_name(dataclasses.replace(item))
        ]
        linking.relink(resources)
        ordered, _ = linking.arrange(resources)
        actual = probe.probe(snapshot, ordered)
        return plan.destroy(ordered, actual, cloud=self.cloud, consents=consents)

    def _undeclared(self, snapshot: Snapshot) -> Sequence[Resource]:
        """What the cloud owns and no document declares, each after what it stands on."""
        found = probe.discover(snapshot, here.context(self.cloud), self.resources)
        linking.relink([*self.resources, *found])
        return linking.arrange(found)[0]


class Planned(Struct, frozen=True):
    """A plan and where it came from, ready to be carried out."""

    workspace: Workspace
    wish: Wish
    plan: Plan
    """Its changes are ``plan.changes``, in dependency order."""
    errand: Errand | None = None
    command: str = field(default_factory=lambda: " ".join(["tinycloud", *sys.argv[1:]]))

    def apply(
        self, on_event: Callable[[Event], object] = lambda event: None, *, parallel: int = 4,
        stopping: Callable[[], bool] = lambda: False, patience: float = journal.PATIENCE,
    ) -> None:
        """Carry it out; when it returns, all is as planned. ``on_event`` is told what happens.

        Otherwise as ``applying``. Raises Incomplete if something failed, was not begun or is
        blocked: everything else has been done then.
        """
        undone = []
        with closing(self.applying(
                parallel=parallel, stopping=stopping, patience=patience)) as events:
            for event in events:
                on_event(event)
                if event.what in ("failed", "skipped"):
                    undone.append(event)
        if undone or self.plan.blocked:
            raise Incomplete(undone, self.plan.blocked)

    def applying(
        self, *, parallel: int = 4, stopping: Callable[[], bool] = lambda: False,
        patience: float = journal.PATIENCE,
    ) -> Generator[Event, None, None]:
        """Carry it out as far as the events are taken: nothing is begun before the first.

        ``parallel``: how many steps at once. ``stopping`` is asked before each: once true, what
        runs ends and nothing else begins. ``patience``: seconds to wait for another run.
        A change that failed or did not come out as asked is an Event ``failed``. Nothing happens if
        another run has done it all meanwhile. Raises Failure if the host has moved on or another
        run does not end.
        """
        if not any(task.steps for task in self.plan.tasks):
            return
        secrets.need_all(essence(self.plan))
        cloud, workspace = self.plan.cloud, self.workspace
        with journal.locked(Path(cloud.storage), self.command, patience) as book:
            libvirt = Libvirt(cloud.connect)
            now = workspace._planned(self.wish, libvirt, self.errand)
            if not now.changes:
                return
            require_holding(essence(self.plan), now)
            host = Host(cloud, libvirt, here.CACHE, book.descriptor, parallel)
            failed: set[Address] = set()
            for event in execution.apply(self.plan, host, parallel=parallel, stopping=stopping):
                if event.what in ("failed", "skipped"):
                    failed.add(event.address)
                if event.what == "failed":
                    event = replace(event, place=self._place(event.address))
                book.event(event)
                yield event
            # An errand is none of what manifests say: its steps see themselves to what comes of it.
            for event in () if self.errand or cut_off.asked() else self._verify(libvirt, failed):
                book.event(event)
                yield event

    def _place(self, address: Address) -> str:
        """The fields that were to be changed, with their lines; of a new thing its own."""
        change = next(change for change in self.plan.changes if change.address == address)
        known = {item.address: item.document for item in self.workspace.resources}
        document = known.get(address)
        if document is None or change.action is not Action.UPDATE or not change.diffs:
            return str(change.span or "")
        spans = {diff.field: document.field_span(diff.field) for diff in change.diffs[:3]}
        return ", ".join(f"{span} ({field})" if span else field for field, span in spans.items())

    def _verify(self, libvirt: Libvirt, failed: set[Address]) -> Iterator[Event]:
        """What was done is looked at again: a difference that remains is a failure."""
        done = {c.address for c in self.plan.changes if not c.blocked} - failed
        again = self.workspace._plan(
            replace(self.wish, consents=Consents(), deep=False), libvirt)
        for change in again.changes:
            if change.address not in done or change.action is Action.RESTART:
                continue
            fields = ", ".join(d.field for d in change.diffs) or change.blocked or "it"
            text = f"{change.address} did not become what was asked for: {fields}"
            yield Event("failed", change.address, text=text)


def require_holding(before: Essence, now: Plan, *, what: str = "the plan") -> None:
    """Raises Failure with what has changed since the plan was made; nothing has been done."""
    other = difference(before, essence(now))
    if other:
        raise Failure(f"{what} no longer fits: {other}", "plan again")


def rebuild(cloud: Cloud, documents: Sequence[Document]) -> Workspace:
    """A workspace from plain documents, without the manifests they came from. Raises Problems."""
    seed = here.machine_id() if cloud.name == "default" else ""
    found = loader.rebuild(replace(cloud, seed=seed), documents, here.context)
    return Workspace(found.cloud, found.resources)


def load_manifests(
    paths: Sequence[str] = (), *, documents: given.Given | None = None, connect: str = "",
    storage: str = "", needed: bool = True,
) -> Workspace:
    """``reading.read``, ready to be planned. Raises Problems."""
    found = reading.read(
        paths, documents=documents, connect=connect, storage=storage, needed=needed)
    return Workspace(found.cloud, found.resources)
