"""VirtualMachine: a libvirt domain; its composite parts become Disk and Guest documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from tiny_cloud import schema
from tiny_cloud.composite import expand_machine
from tiny_cloud.document import Document
from tiny_cloud.errors import Problem
from tiny_cloud.libvirt_xml import (
    DiskDevice,
    Domain,
    Forward,
    Interface,
    Layer,
    Source,
    adoption,
    aligned,
    build,
    chains,
    derive_mac,
    derive_uuid,
    merge,
    pending,
    read,
    renamed,
    stamp_of,
)
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    Cloud,
    Observed,
    Ownership,
    State,
    Unknown,
    Value,
)
from tiny_cloud.naming import belongs, forget, known, record_of, unsettled, was
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
    MakeFolder,
    Remove,
    Rename,
    RenameDomain,
    Shutdown,
    Start,
    Step,
    Undefine,
)

STOP_TIMEOUT = 90
"""Seconds a guest gets to power off."""
CARD, BUS, SOCKETS = "virtio", "virtio", ("network", "bridge", "user")


class VirtualMachine(Resource):
    KIND = "VirtualMachine"
    SHORT = ("vm",)
    INTERRUPTS = True
    NAMES_PATHS = True
    RENAMES = True

    @classmethod
    def expand(cls, document: Document, cloud: Cloud) -> Iterable[Document]:
        return expand_machine(document)

    @property
    def domain(self) -> str:
        """libvirt's name: the machine's own if it is external and in the cloud ``default``, else
        CLOUD-NAME."""
        cloud, name = self.context.cloud.name, self.address.name
        return name if cloud == "default" or self.external else f"{cloud}-{name}"

    @property
    def uuid(self) -> str:
        """As recorded: it stays when the name changes."""
        cloud, (address, record) = self.context.cloud, known(self)
        return str(record.get("uuid") or derive_uuid(cloud.seed, cloud.name, str(address)))

    def _mac(self, card: Mapping[str, Any], change: Change | None = None) -> str:
        """As declared, as the host has it, as recorded, or derived from who the machine is."""
        cloud, (address, record), name = self.context.cloud, known(self), card["name"]
        seen = change.observed.fields if change and change.observed else {}
        recorded = record.get("macs", {}).get(name)
        there = seen.get(f"interfaces[{name}].mac") or recorded
        derived = there or derive_mac(cloud.seed, cloud.name, str(address), name)
        return str(card.get("mac", derived)).lower()

    def _remember(self, change: Change) -> Step:
        uuid = change.observed.identity if change.observed else self.uuid
        macs = {card["name"]: self._mac(card, change) for card in self.spec.get("interfaces", ())}
        return self.record(uuid=uuid, macs=macs)

    @property
    def _console(self) -> str:
        return self.context.cloud.path("consoles", f"{self.address.name}.log")

    def provides(self) -> Mapping[str, Value]:
        macs = {f"mac:{card['name']}": self._mac(card) for card in self.spec.get("interfaces", ())}
        return {"domain": self.domain, "console": self._console, **macs}

    def desired(self) -> State:
        fields = dict(super().desired())
        fields.pop("guest", None)
        if fields.get("accel") == "auto":
            del fields["accel"]  # either type satisfies it; the probe decides for a new machine
        if "memory" in fields:
            fields["memory"] = aligned(int(str(fields["memory"])))
        for card in self._cards():
            if card.forwards:
                fields[f"interfaces[{card.name}].user.forward"] = tuple(
                    forward.text() for forward in card.forwards
                )
        return fields

    # -- what is there ----------------------------------------------------------------------------

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterator[Problem]:
        for item in wanted:
            for at, card in enumerate(item.spec.get("interfaces", ())):
                path = ("spec", "interfaces", at)
                if "network" in card and card["network"] not in host.networks():
                    name = card["network"]
                    yield from item.refuse(
                        (*path, "network"), f"libvirt has no active network {name}",
                        f"virsh net-start {name}, or name another; virsh net-list shows them",
                    ).problems
                if "bridge" in card and card["bridge"] not in host.bridges():
                    yield from item.refuse(
                        (*path, "bridge"), f"this host has no bridge {card['bridge']}",
                        "ip link show type bridge shows them",
                    ).problems

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
                found[item.address] = item._observe(host, item._with_our_names(host, facts))
        return found

    def _with_our_names(self, host: Reader, facts: DomainFacts) -> DomainFacts:
        """What somebody else made has its devices called as they would be once it is taken over."""
        if self._ownership(facts)[0] is not Ownership.UNSTAMPED or self.external:
            return facts
        declared = {card["name"]: card.get("mac", "").lower()
                    for card in self.spec.get("interfaces", ())}
        cards = [replace(card, mac=declared[card.name]) for card in self._cards()]
        disks = {item["name"]: _files_of(link, host) for item in self.spec.get("disks", ())
                 if (link := self.links.get(f"disks[{item['name']}].disk"))}
        return replace(facts, xml=adoption.named(facts.xml, cards, disks))

    def _rival(self, host: Reader, facts: DomainFacts) -> str:
        """Both names are taken, by two domains."""
        before = was(self)
        for name in (self.domain, before.domain) if before else ():
            other = host.domains().get(name)
            if other is not None and other.uuid != facts.uuid:
                ours = before is not None and before._ownership(other)[0] is Ownership.OURS
                if name == self.domain or ours:
                    return f"there is a domain {name} as well"
        return ""

    def _observe(self, host: Reader, facts: DomainFacts) -> Observed:
        record = record_of(host, self)
        former, before = unsettled(host, self, stamp_of(facts.xml)), was(self)
        if before is not None and facts.name == before.domain:
            former = before.address
        running = bool(facts.live_xml)
        fields = dict(read(facts.xml, autostart=facts.autostart))
        fields |= {"running": running, "autostart": facts.autostart}
        fields |= self._disk_names(host, facts.xml)
        ports, wanted = fields.get("sparePorts"), self.spec.get("sparePorts")
        if isinstance(ports, int) and isinstance(wanted, int):
            # A port below an occupied one cannot go: there may be more than asked for, never fewer.
            fields["sparePorts"] = min(ports, wanted)
        whose, owner = (Ownership.OURS, "") if self.external else self._ownership(facts)
        return Observed(
            fields=fields,
            ownership=whose,
            owner=owner,
            former=former,
            rival=self._rival(host, facts),
            identity=facts.uuid,
            declared=declared_of(record),
            complete=record is not None,
            running=running,
            users=(facts.name,) if running else (),
            pending=pending(facts.xml, facts.live_xml) if running else (),
            policy=policy_of(record),
            facts={"xml": facts.xml, "name": facts.name},
        )

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
            ending = str(link.provides()["format"]) if link.external else chain[0].path
            same = ending.endswith(chain[0].format) and (
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

    def _ownership(self, facts: DomainFacts) -> tuple[Ownership, str]:
        mark = stamp_of(facts.xml)
        if mark is None:
            return Ownership.UNSTAMPED, ""
        if not belongs(self, mark):
            return Ownership.FOREIGN, f"{mark.get('address')} of the cloud {mark.get('cloud')}"
        if mark.get("uuid") != facts.uuid:
            return Ownership.FOREIGN, f"a copy of {self.address}"
        return Ownership.OURS, ""

    def _stamp(self) -> dict[str, str]:
        return {
            "cloud": self.context.cloud.name,
            "address": str(self.address),
            "uuid": self.uuid,
        }

    # -- what should be ---------------------------------------------------------------------------

    def _model(self, change: Change) -> Domain:
        spec = self.spec
        return Domain(
            name=self.domain,
            uuid=self.uuid,
            memory=aligned(parse_size(spec["memory"])),
            cpus=spec["cpus"],
            machine=spec.get("machine", "q35"),
            disks=(*self._disks(change), *self._cdroms()),
            interfaces=tuple(self._cards(change)),
            console_log=self._console,
            agent=spec.get("guestAgent", True),
            spare_ports=spec.get("sparePorts"),
            stamp=self._stamp(),
            spec=spec if change.observed else schema.completed(self.KIND, spec),
            accel=spec.get("accel", "auto"),
        )

    def _disks(self, change: Change) -> Iterator[DiskDevice]:
        for item in self.spec.get("disks", ()):
            disk = self.link(f"disks[{item['name']}].disk")
            # A disk that is there may have another format, and stand on an older image.
            seen = None if disk.address in change.fresh else change.around.get(disk.address)
            facts = {**seen.fields, **seen.facts} if seen else disk.provides()
            path = str(facts["path"])
            place = "block" if path.startswith("/dev/") else "file"
            layers = [Layer(path, str(facts["format"]), place)]
            if facts.get("backing"):
                layers.append(Layer(str(facts["backing"]), str(facts["backing_format"])))
            yield DiskDevice(item["name"], item.get("bus", BUS), tuple(layers))

    def _cdroms(self) -> Iterator[DiskDevice]:
        for item in self.spec.get("cdroms", ()):
            medium = (Layer(item["path"], "raw"),) if item.get("path") else ()
            yield DiskDevice(
                item["name"], item.get("bus", "sata"), medium, readonly=True, device="cdrom"
            )

    def _cards(self, change: Change | None = None) -> Iterator[Interface]:
        for card in self.spec.get("interfaces", ()):
            socket = next((kind for kind in SOCKETS if kind in card), "user")
            name = str(card[socket]) if socket != "user" else ""
            ports = (card.get("user") or {}).get("forward", ())
            yield Interface(
                card["name"],
                self._mac(card, change),
                card.get("model", CARD),
                Source(socket, name),
                tuple(Forward.of(p["host"], p["guest"], p.get("protocol", "tcp")) for p in ports),
            )

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
            yield from self._define(change)
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

    def _define(self, change: Change) -> Iterator[Step]:
        elsewhere = {"running", "autostart", *self.policy()}
        ours = change.observed is not None and change.observed.ownership is Ownership.OURS
        if not ours:
            yield MakeFolder(self.context.cloud.path("consoles"), 0o711)
        if change.observed is None:
            model = self._model(change)
            yield Define(self.domain, build(model), model.accel)
            return
        changed = {diff.field for diff in change.diffs} - elsewhere
        if changed or not ours or change.former or change.fresh or not change.diffs:
            xml, name = str(change.observed.facts["xml"]), self._name(change)
            if change.former:
                xml, name = renamed(xml, self.domain), self.domain
            yield Define(name, merge(xml, self._model(change)))

    def _name(self, change: Change) -> str:
        """As libvirt calls it now: somebody may have renamed it."""
        seen = change.observed
        return str(seen.facts["name"]) if seen else self.domain

    def _shutdown(self, change: Change) -> Step:
        return Shutdown(
            self._name(change), self.spec.get("stopTimeout", STOP_TIMEOUT), change.force
        )

    def down(self, change: Change) -> Iterator[Step]:
        if change.observed is not None and change.observed.running:
            yield self._shutdown(change)
        if change.action is Action.DELETE:
            if change.observed is not None:
                yield Undefine(self._name(change))
            yield Remove(self._console)
            if change.observed and change.observed.former and (before := was(self)):
                yield Remove(before._console)
            yield from forget(self, change)


def _files_of(disk: Resource, host: Reader) -> tuple[str, ...]:
    """The files that are this disk now; before there is one, the one that will be."""
    outputs = disk.provides()
    for key in ("names", "former_names"):
        names = outputs[key]
        assert isinstance(names, tuple)
        if there := tuple(host.files([str(name) for name in names])):
            return there
    return (str(outputs["path"]),)
