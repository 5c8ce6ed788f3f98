"""VirtualMachine: a libvirt domain; its composite parts become Disk and Guest documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Self

from tiny_cloud import needs
from tiny_cloud.composite import expand_machine
from tiny_cloud.document import Document
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.facts import TRANSIENT, DomainFacts, Reader
from tiny_cloud.libvirt_xml import (
    Interface,
    bare,
    coherence,
    declared,
    hotplug,
    live_changes,
    ownership_of,
    parts,
    stamp_of,
)
from tiny_cloud.machines import definition, disks, fields, kernel, remotes
from tiny_cloud.machines.domain import gone_from
from tiny_cloud.machines.identity import mac_of, macs_of, uuid_of
from tiny_cloud.machines.takeover import with_our_names
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    Cloud,
    FieldDiff,
    Observed,
    Ownership,
    State,
    Unknown,
    Value,
)
from tiny_cloud.naming import forget, record_of, unsettled, was
from tiny_cloud.networks.cards import addresses_of, card_faults, network_of
from tiny_cloud.resource import Context, Resource, declared_of, policy_of
from tiny_cloud.snapshots import standing
from tiny_cloud.steps import (
    Autostart,
    Remove,
    Rename,
    RenameDomain,
    Shutdown,
    Start,
    Step,
    Undefine,
)


class VirtualMachine(Resource):
    KIND = "VirtualMachine"
    INTERRUPTS = True
    NAMES_PATHS = True
    RENAMES = True

    @classmethod
    def expand(cls, document: Document, cloud: Cloud) -> Iterator[Document]:
        yield from expand_machine(document, cloud)
        external = document.spec.get("external", False)
        if not external and (problems := list(coherence.problems(document))):
            raise Problems(problems)

    @property
    def domain(self) -> str:
        """libvirt's name: the declared one; else the machine's own if it is external and in the
        cloud ``default``, and CLOUD-NAME if not."""
        cloud, name = self.context.cloud.name, self.address.name
        usual = name if cloud == "default" or self.external else f"{cloud}-{name}"
        return str(self.spec.get("libvirtName", usual))

    @property
    def uuid(self) -> str:
        return uuid_of(self)

    def _remember(self, change: Change) -> Step:
        uuid = change.observed.identity if change.observed else self.uuid
        return self.record(uuid=uuid, macs=macs_of(self, change))

    @property
    def _console(self) -> str:
        return self.context.cloud.path("consoles", f"{self.address.name}.log")

    def provides(self) -> Mapping[str, Value]:
        macs = {f"mac:{card}": mac for card, mac in macs_of(self).items()}
        return {"domain": self.domain, "console": self._console, **macs, **addresses_of(self)}

    def faults(self) -> Iterator[Problem]:
        yield from (*card_faults(self), *kernel.faults(self), *disks.faults(self))

    def writes(self) -> frozenset[Address]:
        return disks.written(self)

    def desired(self) -> State:
        fields = dict(super().desired())
        fields.pop("guest", None)
        if fields.get("accel") == "auto":
            del fields["accel"]  # either type satisfies it; the probe decides for a new machine
        fields = remotes.completed(self, parts.declared(fields, self.spec))
        for card in self._cards():
            if f"interfaces[{card.name}].mac" in fields:
                fields[f"interfaces[{card.name}].mac"] = card.mac
            if card.forwards:
                ports = tuple(forward.text() for forward in card.forwards)
                fields[f"interfaces[{card.name}].user.forward"] = ports
        return fields

    # -- what is there ----------------------------------------------------------------------------

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterator[Problem]:
        return needs.missing(host, wanted, {word for m in wanted for word in (m.uuid, m.domain)})

    @classmethod
    def discover(cls, host: Reader, context: Context) -> Sequence[Self]:
        """Also those whose record is lost: the stamp in the domain says whose it is."""
        found = {item.address: item for item in super().discover(host, context)}
        for facts in host.domains().values():
            mark = stamp_of(facts.xml) or {}
            address = Address.parse(mark.get("address", ""))
            if mark.get("cloud") == context.cloud.name and mark.get("uuid") == facts.uuid:
                found.setdefault(address, cls(address, {}, {}, context))
        return list(found.values())

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        domains = host.domains()
        names = {facts.uuid: name for name, facts in domains.items()}
        found: dict[Address, Observed | Unknown] = {}
        for item in wanted:
            facts = domains.get(names.get(item.uuid, item.domain))
            before = was(item)
            if facts is None and before is not None:
                facts = domains.get(before.domain)
                if facts is not None and item._ownership(facts)[0] is Ownership.FOREIGN:
                    facts = None
            if facts is not None:
                below = bare(facts)
                if item._ownership(facts)[0] is Ownership.UNSTAMPED and not item.external:
                    below = with_our_names(item, host, below, item._cards())
                found[item.address] = standing.remembered(item._observe(host, below), facts)
        return found

    def _rival(self, host: Reader, facts: DomainFacts) -> str:
        """Both names are taken, by two domains."""
        before = was(self)
        for item in (self, before) if before else ():
            other = host.domains().get(item.domain)
            if other is not None and other.uuid != facts.uuid and (
                    item is self or item._ownership(other)[0] is Ownership.OURS):
                return f"there is a domain {item.domain} as well"
        return ""

    def _observe(self, host: Reader, facts: DomainFacts) -> Observed:
        record = record_of(host, self)
        former, before = unsettled(host, self, stamp_of(facts.xml)), was(self)
        if before is not None and facts.name == before.domain:
            former = before.address
        running = bool(facts.live_xml)
        found, waiting = fields.compared(self, host, facts, declared_of(record) or {})
        found |= {"libvirtName": facts.name,
                  "running": running if facts.persistent else TRANSIENT,
                  "autostart": facts.autostart}
        whose, owner = self._ownership(facts)
        return Observed(
            fields=found,
            ownership=whose,
            owner=owner,
            former=former,
            rival=self._rival(host, facts),
            identity=facts.uuid,
            declared=declared_of(record),
            complete=record is not None,
            running=running,
            users=(facts.name,) if running else (),
            domain=facts.name,
            pending=waiting,
            notes=(*parts.firmware.warnings(found, self.spec),
                   *kernel.notes(self, host, found, facts.xml), *remotes.notes(self, host)),
            policy=policy_of(record),
            facts={"xml": facts.xml, "name": facts.name, "live": facts.live_xml},
        )

    def _ownership(self, facts: DomainFacts) -> tuple[Ownership, str]:
        return (Ownership.OURS, "") if self.external else ownership_of(self, facts.xml, facts.uuid)

    def costs(self, diffs: Sequence[FieldDiff], seen: Observed) -> tuple[FieldDiff, ...]:
        live, xml = (str(seen.facts[key]) for key in ("live", "xml"))
        if not diffs or not live or not self.spec.get("running", True):
            return tuple(diffs)
        return hotplug.costs(diffs, seen.fields, self.desired(), live_changes.named(live, xml))

    def asks_guest(self, diffs: Sequence[FieldDiff]) -> bool:
        return hotplug.asks_guest(diffs, self.desired())

    # -- what should be ---------------------------------------------------------------------------

    def _cards(self, change: Change | None = None) -> tuple[Interface, ...]:
        gone = gone_from(change) if change else ()
        return tuple(declared.cards(
            self.spec, lambda card: mac_of(self, card, change), partial(network_of, self), gone))

    # -- how to get there -------------------------------------------------------------------------

    def up(self, change: Change) -> Iterator[Step]:
        seen = change.observed
        name = self.domain if change.former else self._name(change)
        runs = seen is not None and seen.running and not change.stop
        wanted = bool(self.spec.get("running", True))
        autostart = bool(self.spec.get("autostart", True))
        if seen is None:
            # First, so that whatever is left by a kill is known to be ours.
            yield self._remember(change)
        if change.former and (before := was(self)):
            yield Rename(before._console, self._console)
            if self._name(change) != name:
                yield RenameDomain(self._name(change), name)
        if change.action is not Action.RESTART:
            yield from remotes.keep(self, change)
            yield from definition.define(self, change, self._cards(change), self._name(change))
            yield from remotes.let_go(self, change)
            if seen is None or seen.fields.get("autostart") != autostart:
                yield Autostart(name, autostart)
        if wanted and not runs:
            yield Start(name)
        elif runs and not wanted:
            yield self._shutdown(change)
        if seen is not None:
            # Last: until then what was declared before tells which disks and cards are to go.
            yield self._remember(change)
        yield from forget(self, change)

    def _name(self, change: Change) -> str:
        """As libvirt calls it now: somebody may have renamed it."""
        seen = change.observed
        return str(seen.facts["name"]) if seen else self.domain

    def _shutdown(self, change: Change, again: bool = False) -> Step:
        timeout = self.spec.get("stopTimeout", definition.STOP_TIMEOUT)
        return Shutdown(self._name(change), timeout, change.force, again)

    def down(self, change: Change) -> Iterator[Step]:
        seen = change.observed
        if seen is not None and seen.running:
            goes = change.action is Action.DELETE or change.fresh or change.former
            yield self._shutdown(change, not goes and self.spec.get("running", True))
        if change.action is Action.DELETE:
            if seen is not None:
                yield Undefine(self._name(change))
            yield from remotes.let_go(self, change)
            yield Remove(self._console)
            if seen and seen.former and (before := was(self)):
                yield Remove(before._console)
            yield from forget(self, change)
