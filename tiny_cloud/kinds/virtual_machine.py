"""VirtualMachine: a libvirt domain; its composite parts become Disk and Guest documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    aligned,
    build,
    chains,
    derive_mac,
    derive_uuid,
    merge,
    pending,
    read,
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
CARD, BUS, SOCKETS = "virtio", "virtio", ("network", "bridge", "user")


class VirtualMachine(Resource):
    KIND = "VirtualMachine"
    SHORT = ("vm",)
    INTERRUPTS = True
    NAMES_PATHS = True

    @classmethod
    def expand(cls, document: Document, cloud: Cloud) -> Iterable[Document]:
        return expand_machine(document)

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
            if facts is not None:
                found[item.address] = item._observe(host, facts)
        return found

    def _observe(self, host: Reader, facts: DomainFacts) -> Observed:
        record = host.records().get(self.address)
        running = bool(facts.live_xml)
        fields = dict(read(facts.xml, autostart=facts.autostart))
        fields |= {"running": running, "autostart": facts.autostart}
        fields |= self._disk_names(host, facts.xml)
        ports, wanted = fields.get("sparePorts"), self.spec.get("sparePorts")
        if isinstance(ports, int) and isinstance(wanted, int):
            # A port below an occupied one cannot go: there may be more than asked for, never fewer.
            fields["sparePorts"] = min(ports, wanted)
        whose, owner = self._ownership(facts)
        return Observed(
            fields=fields,
            ownership=whose,
            owner=owner,
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

    def _ownership(self, facts: DomainFacts) -> tuple[Ownership, str]:
        mark = stamp_of(facts.xml)
        if mark is None:
            return Ownership.UNSTAMPED, ""
        if (mark.get("cloud"), mark.get("address")) != (self.context.cloud.name, str(self.address)):
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
            interfaces=tuple(self._cards()),
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
            layers = [Layer(str(facts["path"]), str(facts["format"]))]
            if facts.get("backing"):
                layers.append(Layer(str(facts["backing"]), str(facts["backing_format"])))
            yield DiskDevice(item["name"], item.get("bus", BUS), tuple(layers))

    def _cdroms(self) -> Iterator[DiskDevice]:
        for item in self.spec.get("cdroms", ()):
            medium = (Layer(item["path"], "raw"),) if item.get("path") else ()
            yield DiskDevice(
                item["name"], item.get("bus", "sata"), medium, readonly=True, device="cdrom"
            )

    def _cards(self) -> Iterator[Interface]:
        for card in self.spec.get("interfaces", ()):
            socket = next((kind for kind in SOCKETS if kind in card), "user")
            name = str(card[socket]) if socket != "user" else ""
            ports = (card.get("user") or {}).get("forward", ())
            yield Interface(
                card["name"],
                self._mac(card),
                card.get("model", CARD),
                Source(socket, name),
                tuple(Forward.of(p["host"], p["guest"], p.get("protocol", "tcp")) for p in ports),
            )

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
            yield Define(self.domain, build(model), model.accel)
        elif change.fresh or {d.field for d in change.diffs} - elsewhere or not change.diffs:
            xml = str(change.observed.facts["xml"])
            yield Define(self._name(change), merge(xml, self._model(change)))

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
            yield DropRecord(str(self.address))


def _files_of(disk: Resource, host: Reader) -> tuple[str, ...]:
    """The files that are this disk now; before there is one, the one that will be."""
    names = disk.provides()["names"]
    assert isinstance(names, tuple)
    there = host.files([str(name) for name in names])
    return tuple(there) or (str(disk.provides()["path"]),)
