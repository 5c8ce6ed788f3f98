"""VirtualMachine: a libvirt domain; its composite parts become Disk and Guest documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from tiny_cloud import needs, schema
from tiny_cloud.composite import expand_machine
from tiny_cloud.document import Document
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.libvirt_xml import (
    Domain,
    Interface,
    Layer,
    aligned,
    build,
    chains,
    coherence,
    declared,
    derive_mac,
    derive_uuid,
    hotplug,
    live_changes,
    merge,
    nvram_of,
    ownership_of,
    parts,
    pending,
    read,
    stamp_of,
)
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    Cloud,
    FieldDiff,
    Observed,
    State,
    Unknown,
    Value,
)
from tiny_cloud.networks.cards import addresses_of, card_faults, declared_names, socket
from tiny_cloud.resource import (
    Context,
    DomainFacts,
    ImageFacts,
    Reader,
    Resource,
    declared_of,
    policy_of,
)
from tiny_cloud.sizes import parse_size
from tiny_cloud.steps import (
    Autostart,
    Define,
    DropRecord,
    MakeFolder,
    Remove,
    Shutdown,
    Start,
    Step,
    Undefine,
)

STOP_TIMEOUT = 90
"""Seconds a guest gets to power off."""


class VirtualMachine(Resource):
    KIND = "VirtualMachine"
    SHORT = ("vm",)
    INTERRUPTS = True
    NAMES_PATHS = True

    @classmethod
    def expand(cls, document: Document, cloud: Cloud) -> Iterator[Document]:
        yield from expand_machine(document)
        if problems := list(coherence.problems(document)):
            raise Problems(problems)

    @property
    def domain(self) -> str:
        """libvirt's name: the machine's own in the cloud ``default``, else CLOUD-NAME."""
        cloud = self.context.cloud.name
        return self.address.name if cloud == "default" else f"{cloud}-{self.address.name}"

    @property
    def uuid(self) -> str:
        cloud = self.context.cloud
        return derive_uuid(cloud.seed, cloud.name, str(self.address))

    def _mac(self, card: Mapping[str, Any]) -> str:
        cloud = self.context.cloud
        derived = derive_mac(cloud.seed, cloud.name, str(self.address), card["name"])
        return str(card.get("mac", derived)).lower()

    @property
    def _console(self) -> str:
        return self.context.cloud.path("consoles", f"{self.address.name}.log")

    def provides(self) -> Mapping[str, Value]:
        cards = self.spec.get("interfaces", ())
        macs = {f"mac:{card['name']}": self._mac(card) for card in cards}
        return {"domain": self.domain, "console": self._console, **macs, **addresses_of(self)}

    def faults(self) -> Iterable[Problem]:
        return card_faults(self)

    def desired(self) -> State:
        fields = dict(super().desired())
        fields.pop("guest", None)
        if fields.get("accel") == "auto":
            del fields["accel"]  # either type satisfies it; the probe decides for a new machine
        fields = parts.declared(fields, self.spec)
        for card in self._cards():
            if f"interfaces[{card.name}].mac" in fields:
                fields[f"interfaces[{card.name}].mac"] = card.mac
            if card.forwards:
                fields[f"interfaces[{card.name}].user.forward"] = tuple(
                    forward.text() for forward in card.forwards
                )
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
            if facts is not None:
                found[item.address] = item._observe(host, facts)
        return found

    def _observe(self, host: Reader, facts: DomainFacts) -> Observed:
        record = host.records().get(self.address)
        former = declared_of(record) or {}
        running = bool(facts.live_xml)
        fields = self._fields(host, facts.xml, former)
        waiting: tuple[str, ...] = ()
        if running:
            live = live_changes.named(facts.live_xml, facts.xml)
            now = self._fields(host, live, former)
            mendable = hotplug.mendable(fields, now, live)
            waiting = tuple(
                f for f in (*pending(facts.xml, live), *parts.waiting(live, self.spec, former))
                if f not in mendable and hotplug.group_of(f) not in mendable)
            fields = dict(hotplug.observed(fields, now, self.desired(), live))
        fields |= {"running": running, "autostart": facts.autostart}
        ports, wanted = fields.get("sparePorts"), self.spec.get("sparePorts")
        if isinstance(ports, int) and isinstance(wanted, int):
            # A port below an occupied one cannot go: there may be more than asked for, never fewer.
            fields["sparePorts"] = min(ports, wanted)
        whose, owner = ownership_of(
            facts.xml, facts.uuid, self.context.cloud.name, str(self.address))
        return Observed(
            fields=fields,
            ownership=whose,
            owner=owner,
            declared=declared_of(record),
            complete=record is not None,
            running=running,
            users=(facts.name,) if running else (),
            domain=facts.name,
            pending=waiting,
            notes=tuple(parts.firmware.warnings(fields, self.spec)),
            policy=policy_of(record),
            facts={"xml": facts.xml, "name": facts.name, "live": facts.live_xml},
        )

    def _fields(self, host: Reader, xml: str, former: State) -> dict[str, Value]:
        """What a definition, or what runs, says in the manifest's terms."""
        fields = parts.observed(xml, read(xml), self.spec, former)
        fields["consoleLog"] = fields["consoleLog"] == self._console
        return {**fields, **self._disk_names(host, xml), **declared_names(self, fields)}

    def _disk_names(self, host: Reader, xml: str) -> State:
        """The manifest says which Disk, libvirt which files: the same if the whole chain agrees."""
        names: dict[str, Value] = {}
        found = chains(xml)
        tops = {chain[0].path: chain[0].format for chain in found.values() if chain}
        images = host.images({path: f for path, f in tops.items() if f in ("qcow2", "raw")})
        for name, chain in found.items():
            field = f"disks[{name}].disk"
            link = self.links.get(field)
            if link is None or not chain:
                names[field] = self._stem(chain)
                continue
            info = images.get(chain[0].path)
            below = chain[1].path if len(chain) > 1 else ""
            known = chain[0].path in _files_of(link, host)
            same = chain[0].path.endswith(chain[0].format) and (
                not isinstance(info, ImageFacts) or info.backing == below
            )
            names[field] = link.address.name if known and same else " on ".join(
                layer.path for layer in chain
            )
        return names

    def _stem(self, chain: tuple[Layer, ...]) -> str:
        """What a disk that is no longer declared was called."""
        place, _, file = (chain[0].path if chain else "").rpartition("/")
        ours = place == self.context.cloud.path("disks")
        return file.rpartition(".")[0] if ours else "/".join(filter(None, (place, file)))

    def _stamp(self) -> dict[str, str]:
        cloud = self.context.cloud.name
        return {"cloud": cloud, "address": str(self.address), "uuid": self.uuid}

    def costs(self, diffs: Sequence[FieldDiff], seen: Observed) -> tuple[FieldDiff, ...]:
        live = str(seen.facts["live"])
        return hotplug.costs(diffs, seen.fields, self.desired(), live) if live else tuple(diffs)

    # -- what should be ---------------------------------------------------------------------------

    def _model(self, change: Change) -> Domain:
        spec = self.spec
        former = (change.observed.declared if change.observed else None) or {}
        gone = frozenset(diff.field for diff in change.diffs if diff.new is None)
        return Domain(
            name=self.domain,
            uuid=self.uuid,
            memory=aligned(parse_size(spec["memory"])),
            cpus=spec["cpus"],
            machine=spec.get("machine", "q35"),
            disks=(*declared.disks(spec, lambda name: self._chain(change, name)),
                   *declared.cdroms(spec)),
            interfaces=self._cards(gone),
            console_log=self._console if spec.get("consoleLog", True) else "",
            nvram=self.context.cloud.path("nvram", self.address.name),
            former=former,
            agent=spec.get("guestAgent", True),
            spare_ports=spec.get("sparePorts"),
            stamp=self._stamp(),
            gone=gone,
            spec=spec if change.observed else schema.completed(self.KIND, spec),
            # Only for a new machine: one that is there keeps what it was made with.
            accel="auto" if change.observed else spec.get("accel", "auto"),
        )

    def _chain(self, change: Change, name: str) -> tuple[Layer, ...]:
        disk = self.link(f"disks[{name}].disk")
        # A disk that is there may have another format, and stand on an older image.
        seen = None if disk.address in change.fresh else change.around.get(disk.address)
        facts = {**seen.fields, **seen.facts} if seen else disk.provides()
        top = Layer(str(facts["path"]), str(facts["format"]))
        if not facts.get("backing"):
            return (top,)
        return (top, Layer(str(facts["backing"]), str(facts["backing_format"])))

    def _cards(self, gone: frozenset[str] = frozenset()) -> tuple[Interface, ...]:
        return tuple(declared.cards(self.spec, self._mac, self._network, gone))

    def _network(self, card: Mapping[str, Any]) -> str:
        """libvirt's name of what a card is plugged into."""
        link = self.links.get(socket(card))
        return str(link.provides()["network"]) if link else str(card["network"])

    # -- how to get there -------------------------------------------------------------------------

    def up(self, change: Change) -> Iterator[Step]:
        seen, name = change.observed, self._name(change)
        runs = seen is not None and seen.running and not change.stop
        wanted = bool(self.spec.get("running", True))
        autostart = bool(self.spec.get("autostart", True))
        if seen is None:
            # First, so that whatever is left by a kill is known to be ours.
            yield self.record()
        if change.action is not Action.RESTART:
            yield from self._define(change)
            if seen is None or seen.fields.get("autostart") != autostart:
                yield Autostart(name, autostart)
        if wanted and not runs:
            yield Start(name)
        elif runs and not wanted:
            yield self._shutdown(change)
        if seen is not None:
            # Last: until then what was declared before tells which disks and cards are to go.
            yield self.record()

    def _define(self, change: Change) -> Iterator[Step]:
        elsewhere = {"running", "autostart", *self.policy()}
        if change.observed is None:
            yield MakeFolder(self.context.cloud.path("consoles"), 0o711)
            model = self._model(change)
            xml, keep_cpu = build(model), parts.cpu.is_declared(self.spec)
            yield from self._nvram("", nvram_of(xml))
            yield Define(self.domain, xml, model.accel, keep_cpu)
        elif change.fresh or {d.field for d in change.diffs} - elsewhere or not change.diffs:
            xml = str(change.observed.facts["xml"])
            fresh = merge(xml, self._model(change))
            yield from self._nvram(nvram_of(xml), nvram_of(fresh))
            # Not back to a definition whose files are no more.
            yield Define(self._name(change), fresh, before="" if change.fresh else xml)
            if change.observed.running and not change.stop:
                live = str(change.observed.facts["live"])
                patience = self.spec.get("stopTimeout", STOP_TIMEOUT)
                yield from live_changes.steps(
                    self._name(change), live, fresh, change.diffs, patience)

    def _nvram(self, old: str, new: str) -> Iterator[Step]:
        """Another firmware starts with fresh variables. Before the definition changes: whatever a
        kill leaves, no variables are left that nobody's definition names."""
        folder = self.context.cloud.path("nvram")
        if old != new and old.startswith(f"{folder}/"):
            yield Remove(old)
        if old != new and new:
            yield MakeFolder(folder, 0o711)

    def _name(self, change: Change) -> str:
        """As libvirt calls it now: somebody may have renamed it."""
        seen = change.observed
        return str(seen.facts["name"]) if seen else self.domain

    def _shutdown(self, change: Change, again: bool = False) -> Step:
        timeout = self.spec.get("stopTimeout", STOP_TIMEOUT)
        return Shutdown(self._name(change), timeout, change.force, again)

    def down(self, change: Change) -> Iterator[Step]:
        if change.observed is not None and change.observed.running:
            goes = change.action is Action.DELETE or change.fresh
            yield self._shutdown(change, not goes and self.spec.get("running", True))
        if change.action is Action.DELETE:
            if change.observed is not None:
                yield Undefine(self._name(change))
            yield Remove(self._console)
            yield DropRecord(str(self.address))


def _files_of(disk: Resource, host: Reader) -> tuple[str, ...]:
    """The files that are this disk now; before there is one, the one that will be."""
    names = disk.provides()["names"]
    assert isinstance(names, tuple)
    there = host.files([str(name) for name in names])
    return tuple(there) or (str(disk.provides()["path"]),)
