"""The Python API, on which the command line stands: ``tiny_cloud.load().plan().apply()``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import platformdirs

from tiny_cloud import apply as execution
from tiny_cloud import inventory, journal, linking, loader, plan, probe, targets
from tiny_cloud.document import Document
from tiny_cloud.errands import Actual, Errand, leftovers
from tiny_cloud.errands.leftovers import Leftover
from tiny_cloud.errors import Failure, Problem, Problems
from tiny_cloud.essence import Essence, difference, essence
from tiny_cloud.host import acceleration, cut_off, digest, secrets
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.perform import Host
from tiny_cloud.host.records import owners, recall
from tiny_cloud.host.snapshot import Snapshot
from tiny_cloud.inventory import Thing
from tiny_cloud.model import PHASES, Action, Address, Cloud, Consents, Event, Plan
from tiny_cloud.naming import record_of
from tiny_cloud.resource import Context, Resource
from tiny_cloud.schema import secret_of
from tiny_cloud.steps import EditGuest, RecallGuest

CACHE = Path(platformdirs.user_cache_dir("tinycloud"))
"""Best effort: tinycloud lives without it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be planned, beside the manifests."""

    consents: Consents = field(default_factory=Consents)
    prune: bool = False
    destroy: bool = False
    targets: tuple[str, ...] = ()
    run_commands: bool = False
    deep: bool = False
    """Guests are looked into, for what no outside probe can see."""
    selector: str = ""
    """Labels, as ``selectors`` reads them: only what has them and what that needs."""

    @property
    def partial(self) -> bool:
        """It is about a part of what is declared."""
        return bool(self.targets or self.selector)


@dataclass(frozen=True, slots=True)
class View:
    """A host at one moment, and what is there of all that is declared or owned."""

    host: Snapshot
    owned: Sequence[Resource]
    """And not declared."""
    actual: Actual


@dataclass(frozen=True, slots=True)
class Workspace:
    """Linked manifests: what should be."""

    cloud: Cloud
    resources: tuple[Resource, ...]

    def plan(self, wish: Wish | None = None) -> Planned:
        """Ask the host and say what would change; nothing is changed. Raises Problems, Failure."""
        wish = wish or Wish()
        libvirt = Libvirt(self.cloud.connect, readonly=True)
        return Planned(self, wish, self._plan(wish, libvirt))

    def record(self, kind: str, name: str) -> Mapping[str, Any]:
        """What is remembered of a thing; empty: nothing."""
        return recall(self.cloud, Address(kind, name))

    def errand(self, what: Errand) -> Planned:
        """What is done once and is in no manifest, shown as a plan. Raises Problems, Failure."""
        libvirt = Libvirt(self.cloud.connect, readonly=True)
        return Planned(self, Wish(), self._planned(Wish(), libvirt, what), what)

    def _planned(self, wish: Wish, libvirt: Libvirt, errand: Errand | None) -> Plan:
        if errand is None:
            return self._plan(wish, libvirt)
        seen = self.look(libvirt)
        return errand(seen.host, _context(self.cloud), self.resources, seen.owned, seen.actual)

    def look(self, libvirt: Libvirt | None = None, *, run_commands: bool = False) -> View:
        """Raises Failure."""
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
        seen, about = self.look(), _context(self.cloud)
        return leftovers.leftovers(seen.host, about, self.resources, seen.owned, seen.actual)

    def _snapshot(self, libvirt: Libvirt, wish: Wish) -> Snapshot:
        return Snapshot(self.cloud, libvirt, run_commands=wish.run_commands, deep=wish.deep,
                        appliance=appliance)

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
            replace(item, recorded=record or {}, links={})
            for item in declared
            if (record := record_of(snapshot, item)) or linking.has_name(item)
        ]
        linking.relink(resources)
        ordered, _ = linking.arrange(resources)
        actual = probe.probe(snapshot, ordered)
        return plan.destroy(ordered, actual, cloud=self.cloud, consents=consents)

    def _undeclared(self, snapshot: Snapshot) -> Sequence[Resource]:
        """What the cloud owns and no document declares, each after what it stands on."""
        found = probe.discover(snapshot, _context(self.cloud), self.resources)
        linking.relink([*self.resources, *found])
        return linking.arrange(found)[0]


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and where it came from, ready to be carried out."""

    workspace: Workspace
    wish: Wish
    plan: Plan
    errand: Errand | None = None
    command: str = field(default_factory=lambda: " ".join(["tinycloud", *sys.argv[1:]]))

    def apply(
        self, *, parallel: int = 4, stopping: Callable[[], bool] = lambda: False,
        patience: float = journal.PATIENCE,
    ) -> Iterator[Event]:
        """Carry it out and tell what happens. Raises Failure if the host has moved on meanwhile, or
        another run goes on for longer than ``patience`` seconds. Nothing happens if that one has
        done it all.

        A change that failed or did not come out as asked ends as an Event ``failed``.
        """
        if not any(task.steps for task in self.plan.tasks):
            return
        require_secrets(essence(self.plan))
        cloud, workspace = self.plan.cloud, self.workspace
        with journal.locked(Path(cloud.storage), self.command, patience) as book:
            libvirt = Libvirt(cloud.connect)
            now = workspace._planned(self.wish, libvirt, self.errand)
            if not now.changes:
                return
            require_holding(essence(self.plan), now)
            host = Host(cloud, libvirt, CACHE, book.descriptor, parallel)
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
    seed = machine_id() if cloud.name == "default" else ""
    found = loader.rebuild(replace(cloud, seed=seed), documents, _context)
    return Workspace(found.cloud, found.resources)


def load_manifests(
    paths: Sequence[str] = (), *, connect: str = "", storage: str = "", needed: bool = True
) -> Workspace:
    """Read, check and link manifests. Raises Problems with everything that is wrong in them, and
    (``needed``) if there is no folder of them."""
    given = tuple(paths) or (("manifests",) if needed or Path("manifests").is_dir() else ())
    if not paths and needed and not Path("manifests").is_dir():
        raise Problems([Problem("there is no folder manifests here", hint="name a file or folder")])
    found = loader.load(
        given,
        stdin=sys.stdin,
        connect=connect or os.environ.get("TINYCLOUD_CONNECT", ""),
        storage=storage or os.environ.get("TINYCLOUD_STORAGE", ""),
        context_of=_context,
        root=os.geteuid() == 0,
        machine_id=machine_id(),
    )
    return Workspace(found.cloud, found.resources)


def require_secrets(wanted: Essence) -> None:
    """Every secret that the plan will need is there: else nothing is begun. Raises Failure."""
    steps = (step for change in wanted for phase in PHASES for step in change[phase])
    for step in steps:
        looks = step["step"] == RecallGuest.__name__
        edit = step["edit"] if looks else step
        if edit.get("secret"):
            secrets.need(secret_of(edit["secret"]))
        if looks or step["step"] == EditGuest.__name__:
            for user in edit["settings"].get("users", {}).values():
                if "password" in user and "hash" not in user["password"]:
                    secrets.need(secret_of(user["password"]))


def _context(cloud: Cloud) -> Context:
    digest_of = cache(partial(digest.sha256, cache=CACHE))
    return Context(cloud, digest_of, partial(recall, cloud), cache(partial(owners, cloud)))


def appliance() -> Mapping[str, str]:
    """libguestfs's environment on this host."""
    return acceleration.appliance_environ(acceleration.probe(CACHE))


def machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""  # only the default cloud's derived MACs are the same on all such hosts then
