"""What a verb does to one thing beside any plan: under the lock, journal and steps of an apply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiny_cloud import apply as execution
from tiny_cloud import journal, probe, suggest
from tiny_cloud.api import CACHE, Workspace
from tiny_cloud.errors import Failure
from tiny_cloud.facts import Reader
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.perform import Host
from tiny_cloud.host.snapshot import Snapshot
from tiny_cloud.model import Address, Event, Observed, Ownership, Plan, Task
from tiny_cloud.resource import Resource
from tiny_cloud.steps import Step


@dataclass(frozen=True, slots=True)
class Errand:
    """Steps on behalf of one thing, made from what its host says."""

    workspace: Workspace
    resource: Resource
    prepare: Callable[[Observed, Reader], Iterable[Step]]
    """Pure. Raises Failure for what cannot be done."""

    def steps(self, libvirt: Libvirt | None = None) -> tuple[Step, ...]:
        reader = Snapshot(self.workspace.cloud, libvirt or looking(self.workspace))
        return tuple(self.prepare(observed(reader, self.resource), reader))

    def carry_out(self, agreed: Sequence[Step], command: str) -> Iterator[Event]:
        """``agreed``: the steps as they were shown. Raises Failure if they would be others now."""
        cloud, address = self.workspace.cloud, self.resource.address
        with journal.locked(Path(cloud.storage), command) as book:
            libvirt = Libvirt(cloud.connect)
            if self.steps(libvirt) != tuple(agreed):
                raise Failure(f"{address} has changed meanwhile", "look again")
            task = Task((address, "up"), tuple(agreed), frozenset())
            host = Host(cloud, libvirt, CACHE, book.descriptor)
            for event in execution.apply(Plan(cloud, (), (), (task,)), host, parallel=1):
                book.event(event)
                yield event


def looking(workspace: Workspace) -> Libvirt:
    return Libvirt(workspace.cloud.connect, readonly=True)


def named(workspace: Workspace, word: str, *kinds: str) -> Resource:
    """What is declared under ``NAME`` or ``KIND/NAME``, of these kinds. Raises Failure."""
    known = {resource.address: resource for resource in workspace.resources
             if resource.address.kind in kinds}
    meant = [Address(kind, word) for kind in kinds] if "/" not in word else [Address.parse(word)]
    for address in meant:
        if address in known:
            return known[address]
    hint = suggest.hint(str(meant[0]), list(map(str, known)), "there are")
    raise Failure(f"nothing that is declared is called {word}", hint)


def observed(reader: Reader, resource: Resource) -> Observed:
    """Raises Failure for what is not there, not to be observed, or not ours to change."""
    seen = probe.probe(reader, [resource]).get(resource.address)
    if seen is None:
        raise Failure(f"{resource.address} is not there", "tinycloud apply makes it")
    if not isinstance(seen, Observed):
        raise Failure(f"{resource.address} cannot be observed: {seen.reason}", seen.hint)
    if resource.external:
        raise Failure(f"{resource.address} is external: nothing of it is ever changed")
    if seen.ownership is not Ownership.OURS:
        raise Failure(f"{resource.address}: {seen.owner or 'it was not made here'}",
                      f"tinycloud apply --adopt {resource.address}")
    return seen
