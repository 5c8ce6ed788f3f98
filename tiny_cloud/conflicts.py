"""What only one can have: a MAC, an address on a network, a disk, a port of the host. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from tiny_cloud import rbd_images
from tiny_cloud.errors import Failure, Problem, Span
from tiny_cloud.libvirt_xml import LOOPBACK, Forward, remotes
from tiny_cloud.model import Address, Value
from tiny_cloud.naming import former
from tiny_cloud.networks.subnets import overlapping
from tiny_cloud.resource import Resource
from tiny_cloud.yaml12 import Path

ANY = "0.0.0.0"
"""Listening here takes the port of every address of the host."""


class Claim(Struct, frozen=True):
    """Something of which there is one, and who says where that it is theirs."""

    what: object
    owner: Resource
    path: Path
    """Below the owner's document."""
    words: tuple[str, str]
    """As in "web {has the mac x}, and {so has} db"."""

    def clash(self, other: Claim) -> Problem:
        """This one came second."""
        says, too = self.words
        if (place := _span(self)) is not None and place == _span(other):
            return Problem(f"every replica of this machine {says}", place,
                           "tell them apart with ${index}, or leave it out")
        return Problem(f"{self.owner.address} {says}, and {too} {other.owner.address}",
                       _span(self), f"that one is at {_span(other)}; give one of them another")


class Listeners(Struct):
    """Who has a port of the host."""

    by_address: dict[str, Claim] = field(default_factory=dict)

    def first(self, address: str) -> Claim | None:
        """Who is in the way of listening at an address."""
        if address == ANY:
            return next(iter(self.by_address.values()), None)
        return self.by_address.get(address) or self.by_address.get(ANY)


def conflicts(resources: Sequence[Resource]) -> list[Problem]:
    """Whatever is claimed twice, each at the second place."""
    machines = [resource for resource in resources if resource.address.kind == "virtualmachine"]
    guests = [resource for resource in resources if resource.address.kind == "guest"]
    networks = [resource for resource in resources if resource.address.kind == "network"]
    home = {machine.links["guest"].address: machine
            for machine in machines if "guest" in machine.links}
    home |= {guest.address: guest.links["machine"] for guest in guests if "machine" in guest.links}
    bare = _without_guest(machines, home)
    return [
        *_twice(_macs(machines)),
        *_twice(_addresses([*guests, *bare], home | {item.address: item for item in bare})),
        *_twice(_attached(machines)),
        *_twice(_host_devices(machines)),
        *_twice(_filled(guests)),
        *_borrowed(guests),
        *_twice(_files(resources)),
        *_listening_twice([*_ports(machines), *_screens(machines)]),
        *_twice(_bridges(networks)),
        *_twice(_called(machines)),
        *_twice(_called(networks)),
        *_overlapping(networks),
        *_renamed(resources),
    ]


def _renamed(resources: Sequence[Resource]) -> Iterator[Problem]:
    """A name can be left for another only once, and by one thing."""
    known = {resource.address: resource for resource in resources}
    claims = []
    for item in resources:
        if "renamedFrom" not in item.metadata:
            continue
        claim = Claim(former(item), item, ("metadata", "renamedFrom"),
                      (f"is renamed from {item.metadata['renamedFrom']}", "so is"))
        claims.append(claim)
        if claim.what is None:
            yield Problem(f"a {item.KIND} cannot be renamed", _span(claim), "take renamedFrom out")
        elif claim.what in known:
            yield Problem(f"{item.address} is renamed from {claim.what}, which is declared too",
                          _span(claim), "apply the new name first, then declare another "
                          f"{item.metadata['renamedFrom']}, without renamedFrom here")
    yield from _twice(claim for claim in claims if claim.what is not None)


def _macs(machines: Iterable[Resource]) -> Iterator[Claim]:
    """Also those that are derived: of 24 bits, a thousand cards share one once in thirty clouds."""
    for machine in machines:
        outputs = machine.provides()
        for at, card in enumerate(machine.spec.get("interfaces", ())):
            mac = outputs[f"mac:{card['name']}"]
            words = (f"has the mac {card.get('mac', mac)}", "so has")
            yield Claim(mac, machine, ("spec", "interfaces", at, "mac"), words)


def _without_guest(
    machines: Iterable[Resource], home: Mapping[Address, Resource]
) -> list[Resource]:
    """Their cards' addresses are given out by DHCP alone."""
    full = {machine.address for machine in home.values()}
    return [machine for machine in machines if machine.address not in full]


def _addresses(
    owners: Iterable[Resource], home: Mapping[Address, Resource]
) -> Iterator[Claim]:
    """Of guests and of machines without one."""
    for guest in owners:
        for at, card in enumerate(guest.spec.get("interfaces", ())):
            network = _network(home.get(guest.address), card["name"])
            if "address" in card and network is not None:
                what = (network, card["address"].partition("/")[0])
                words = (f"has the address {card['address']}", "so has")
                yield Claim(what, guest, ("spec", "interfaces", at, "address"), words)


def _network(machine: Resource | None, name: str) -> str | None:
    """What the card of this name is plugged into; empty: not known; None: a network of its own.

    Every card on qemu's user-mode network is alone there: 10.0.2.15 is everybody's address.
    """
    for card in machine.spec.get("interfaces", ()) if machine else ():
        if card["name"] == name:
            other = card.get("bridge") or (card.get("direct") or {}).get("device")
            return None if "user" in card else card.get("network", f"device {other}")
    return ""


def _attached(machines: Iterable[Resource]) -> Iterator[Claim]:
    """Two machines that write to one disk destroy what is on it, unless all of them say that they
    share it, or only read it."""
    found = [(machine, at, item, disk)
             for machine in machines for at, item in enumerate(rbd_images.disks(machine))
             if (disk := _disk(machine, item))]
    alone = {disk for _, _, item, disk in found
             if not (item.get("shareable") or item.get("readonly"))}
    for machine, at, item, disk in found:
        if disk in alone:
            key = next(key for key in ("disk", *remotes.PROTOCOLS) if key in item)
            yield Claim(disk, machine, ("spec", "disks", at, key), (f"uses {disk}", "so does"))


def _disk(machine: Resource, item: Mapping[str, Any]) -> Address | str | None:
    """Which one it is: what is declared for it, or what a server has."""
    remote = remotes.declared(item)
    link = machine.links.get(f"disks[{item['name']}].disk")
    return remote.url if remote else link.address if link else None


def _host_devices(machines: Iterable[Resource]) -> Iterator[Claim]:
    """Only those that are to run: the others may wait for their turn."""
    for machine in machines:
        if not machine.spec.get("running", True):
            continue
        for at, item in enumerate(machine.spec.get("hostDevices", ())):
            kind = "pci" if "pci" in item else "usb"
            words = (f"has the {kind.upper()} device {item[kind]}", "so has")
            path = ("spec", "hostDevices", at, kind)
            yield Claim((kind, item[kind]), machine, path, words)


def _filled(guests: Iterable[Resource]) -> Iterator[Claim]:
    for guest in guests:
        if "disk" in guest.links:
            disk = guest.links["disk"].address
            yield Claim(disk, guest, ("spec", "disk"), (f"is written into {disk}", "so is"))


def _borrowed(guests: Iterable[Resource]) -> Iterator[Problem]:
    for guest in guests:
        disk = guest.links.get("disk")
        if disk is not None and disk.external:
            yield Problem(f"{guest.address} is written into {disk.address}, which is external",
                          _span(Claim(None, guest, ("spec", "disk"), ("", ""))),
                          "what is external is never changed: take the guest out")


def _files(resources: Iterable[Resource]) -> Iterator[Claim]:
    """Two documents that mean one file or volume would treat it differently."""
    for disk in resources:
        if disk.address.kind in ("disk", "logicalvolume"):
            for name in _names(disk):
                said = "path" if disk.address.kind == "disk" else "name"
                path = ("spec", said) if disk.external else ("metadata", "name")
                what = "file" if disk.address.kind == "disk" else "volume"
                yield Claim(name, disk, path, (f"is the {what} {name}", "so is"))


def _names(disk: Resource) -> tuple[Value, ...]:
    """None if what it stands on has lost its source: a plan says so, with the line."""
    try:
        names = disk.provides()["names"]
    except Failure:
        return ()
    assert isinstance(names, tuple)
    return names


def _ports(machines: Iterable[Resource]) -> Iterator[tuple[Forward, Claim]]:
    for machine in machines:
        for at, card in enumerate(machine.spec.get("interfaces", ())):
            for place, port in enumerate((card.get("user") or {}).get("forward", ())):
                forward = Forward.of(port["host"], port["guest"], port.get("protocol", "tcp"))
                path = ("spec", "interfaces", at, "user", "forward", place, "host")
                what = f"{forward.address}:{forward.host_port} ({forward.protocol})"
                yield forward, Claim(None, machine, path, (f"forwards {what}", "so does"))


def _screens(machines: Iterable[Resource]) -> Iterator[tuple[Forward, Claim]]:
    for machine in machines:
        for kind, screen in (machine.spec.get("graphics") or {}).items():
            port = screen.get("port", "auto")
            if port != "auto":
                address = screen.get("listen", LOOPBACK)
                words = (f"listens on {address}:{port} (tcp)", "so does")
                path = ("spec", "graphics", kind, "port")
                yield Forward(port, 0, address=address), Claim(None, machine, path, words)


def _listening_twice(ports: Iterable[tuple[Forward, Claim]]) -> Iterator[Problem]:
    taken: dict[tuple[str, int], Listeners] = {}
    for forward, claim in ports:
        listeners = taken.setdefault((forward.protocol, forward.host_port), Listeners())
        first = listeners.first(forward.address)
        if first is None:
            listeners.by_address[forward.address] = claim
        else:
            yield claim.clash(first)


def _bridges(networks: Iterable[Resource]) -> Iterator[Claim]:
    """Those that libvirt makes; one of the host may have several names."""
    for network in networks:
        if "bridge" in network.spec and network.spec.get("forward") != "bridge":
            bridge = network.spec["bridge"]
            words = (f"makes the bridge {bridge}", "so does")
            yield Claim(bridge, network, ("spec", "bridge"), words)


def _called(resources: Iterable[Resource]) -> Iterator[Claim]:
    """By libvirt; machines and networks may have one name."""
    for item in resources:
        outputs = item.provides()
        name = outputs.get("domain") or outputs["network"]
        words = (f"is called {name} by libvirt", "so is")
        yield Claim(name, item, ("spec", "libvirtName"), words)


def _overlapping(networks: Sequence[Resource]) -> Iterator[Problem]:
    for name in ("subnet", "subnet6"):
        subnets = [(item.spec[name], item) for item in networks if name in item.spec]
        for first, second in overlapping(subnets):
            words = (f"has {second.spec[name]}", f"that overlaps {first.spec[name]} of")
            mine, theirs = (Claim(None, item, ("spec", name), words) for item in (second, first))
            yield mine.clash(theirs)


def _twice(claims: Iterable[Claim]) -> Iterator[Problem]:
    first: dict[object, Claim] = {}
    for claim in claims:
        other = first.setdefault(claim.what, claim)
        if other is not claim:
            yield claim.clash(other)


def _span(claim: Claim) -> Span | None:
    document = claim.owner.document
    return document.span(claim.path) if document else claim.owner.span
