"""A machine's cards and the addresses that somebody knows of them. Pure."""

from __future__ import annotations

import enum
import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud.libvirt_xml import LOOPBACK, Forward
from tiny_cloud.libvirt_xml.hotplug import groups
from tiny_cloud.model import State, Value

LIST = "interfaces["
EVERYWHERE = "0.0.0.0"


class Source(enum.StrEnum):
    """Who says so, the one that knows best first."""

    AGENT = "agent"
    """qemu-guest-agent, from inside."""
    LEASE = "lease"
    """The DHCP server of a network of libvirt's; maybe one from before the last start."""
    ARP = "arp"
    """This host's table of neighbours: it has talked to it."""
    DECLARED = "declared"
    """The manifest; whether the guest has it nobody has seen."""


class Card(Struct, frozen=True):
    name: str
    """The manifest's; of one that no manifest names its MAC."""
    mac: str
    network: str
    """What it is plugged into, in words: ``network lab``, ``bridge br0``, ``user``."""
    forwards: tuple[Forward, ...] = ()

    @property
    def is_reachable(self) -> bool:
        """From this host: not behind qemu's own network, nor on a macvtap, which the host is cut
        off from (formatdomain.html, "Direct attachment to physical interface")."""
        return self.network.partition(" ")[0] in ("network", "bridge")


class Told(Struct, frozen=True):
    """What one source said, before it is known whose card that is."""

    mac: str
    address: str
    prefix: int | None = None


class Found(Struct, frozen=True):
    """An address of a machine, and who knows of it."""

    address: str
    prefix: int | None
    """None: it was not told."""
    mac: str
    card: Card | None
    """None: the guest has made that device itself."""
    sources: tuple[Source, ...]

    @property
    def is_seen(self) -> bool:
        return self.sources != (Source.DECLARED,)


def cards(fields: State) -> list[Card]:
    """From a machine's flat fields, as the host has them."""
    return [Card(group.removeprefix(LIST).rstrip("]"), str(device.get("mac", "")).lower(),
                 _network(device), tuple(_forwards(device)))
            for group, device in groups(fields).items() if group.startswith(LIST)]


def _network(device: Mapping[str, Value]) -> str:
    if "user.forward" in device:
        return "user"
    words = {"network": "network", "bridge": "bridge", "direct.device": "direct"}
    return next((f"{word} {device[key]}" for key, word in words.items() if key in device), "")


def _forwards(device: Mapping[str, Value]) -> Iterator[Forward]:
    texts = device.get("user.forward", ())
    assert isinstance(texts, tuple)
    for text in texts:
        words = json.loads(str(text))
        one = Forward.of(words["host"], words["guest"], words["protocol"])
        yield replace(one, address=LOOPBACK) if one.address == EVERYWHERE else one


def merged(known: Sequence[Card], answers: Iterable[tuple[Source, Iterable[Told]]]) -> list[Found]:
    """One for each address, with all who told of it, as the first of them told it; without those
    that lead nowhere from outside."""
    by_mac = {card.mac: card for card in known}
    found: dict[str, Found] = {}
    for source, told in answers:
        for one in filter(_leads_somewhere, told):
            before = found.get(one.address)
            if before is None:
                card = by_mac.get(one.mac)
                found[one.address] = Found(one.address, one.prefix, one.mac, card, (source,))
            elif source not in before.sources:
                found[one.address] = replace(before, sources=(*before.sources, source))
    return list(found.values())


def _leads_somewhere(told: Told) -> bool:
    """Not loopback, nor what holds on one link alone, nor what is no address: an agent is the
    guest's, and says what it likes."""
    try:
        address = ipaddress.ip_address(told.address)
    except ValueError:
        return False
    scoped = isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None
    return not (scoped or address.is_loopback or address.is_link_local or address.is_multicast
                or address.is_unspecified)


def declared(known: Sequence[Card], outputs: Mapping[str, Value]) -> list[Told]:
    """``outputs``: what machine and guest provide, ``address:CARD`` among it."""
    return [Told(card.mac, str(outputs[f"address:{card.name}"])) for card in known
            if f"address:{card.name}" in outputs]
