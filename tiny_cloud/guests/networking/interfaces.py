"""The interfaces a manifest asks for, checked: cards, and the VLANs on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Wish

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")
_DOMAIN = re.compile(r"[A-Za-z0-9._-]+")
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


class Route(Struct, frozen=True):
    to: str
    """A network with its prefix."""
    via: str
    metric: int | None = None

    @property
    def version(self) -> int:
        return version(self.via)


class Interface(Struct, frozen=True):
    """One card, or a VLAN on one, and what it is to have; with nothing else it is only named."""

    name: str
    mac: str = ""
    """In lower case; empty: the card has the name already."""
    dhcp: bool = False
    dhcp6: bool = False
    accept_ra: bool | None = None
    """Whether routers on the link may give it an IPv6 address; None: as the system does it."""
    addresses: tuple[str, ...] = ()
    """With their prefixes, IPv4 and IPv6: ``10.0.2.15/24``."""
    gateways: tuple[str, ...] = ()
    """At most one of IPv4 and one of IPv6."""
    routes: tuple[Route, ...] = ()
    dns: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    mtu: int | None = None
    """Bytes."""
    link: str = ""
    """Of a VLAN: the card it is on."""
    vlan: int = 0
    """Its number; 0: it is a card."""

    def of(self, family: int) -> tuple[str, ...]:
        """Its addresses of IPv4 or IPv6."""
        return tuple(text for text in self.addresses if version(text) == family)

    def gateway(self, family: int) -> str:
        return next((text for text in self.gateways if version(text) == family), "")

    def servers(self, family: int) -> tuple[str, ...]:
        return tuple(text for text in self.dns if version(text) == family)


def version(text: str) -> int:
    """4 or 6, of an address with or without a prefix."""
    return 6 if ":" in text else 4


def interfaces(settings: Mapping[str, Any]) -> tuple[Interface, ...]:
    """All declared ones, each card before its VLANs.

    Raises Failure for what is no name, MAC or address.
    """
    return tuple(made for item in settings.get("interfaces", ()) for made in _with_vlans(item))


def dns_of(wish: Wish) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name servers and search domains of all interfaces together, each once, in order."""
    declared = interfaces(wish.settings)
    return (_once(server for card in declared for server in card.dns),
            _once(domain for card in declared for domain in card.search))


def _with_vlans(item: Mapping[str, Any]) -> Iterator[Interface]:
    card = _interface(item)
    yield card
    for vlan in item.get("vlans", ()):
        yield _interface(vlan, link=card.name, vlan=int(vlan["id"]))


def _interface(item: Mapping[str, Any], *, link: str = "", vlan: int = 0) -> Interface:
    name, mac = str(item.get("name") or ""), str(item.get("mac") or "").lower()
    if not _NAME.fullmatch(name):
        raise Failure(f"{name!r} is no name for a network interface",
                      hint="Linux takes up to 15 letters, digits, dots, dashes and underscores")
    if mac and not _MAC.fullmatch(mac):
        raise Failure(f"interface {name}: {mac!r} is no MAC address",
                      hint="write six pairs of hexadecimal digits: 52:54:00:12:34:56")
    for domain in item.get("search", ()):
        if not _DOMAIN.fullmatch(domain):
            raise Failure(f"interface {name}: {domain!r} is no domain to search")
    own = [item["address"]] if item.get("address") else []
    return Interface(
        name, mac, bool(item.get("dhcp")), bool(item.get("dhcp6")), item.get("acceptRA"),
        addresses=tuple(_address(name, text) for text in (*own, *item.get("addresses", ()))),
        gateways=tuple(_plain(name, item[key]) for key in ("gateway", "gateway6") if item.get(key)),
        routes=tuple(_route(name, route) for route in item.get("routes", ())),
        dns=tuple(_plain(name, server) for server in item.get("dns", ())),
        search=tuple(item.get("search", ())),
        mtu=item.get("mtu"), link=link, vlan=vlan,
    )


def _route(name: str, item: Mapping[str, Any]) -> Route:
    try:
        to = ip_network(item["to"]).with_prefixlen
    except ValueError:
        raise Failure(f"interface {name}: {item['to']!r} is no network to lead to",
                      hint="write it as 10.1.0.0/16 or fd00:1::/64") from None
    return Route(to, _plain(name, item["via"]), item.get("metric"))


def _address(name: str, text: str) -> str:
    try:
        address = ip_interface(text)
    except ValueError:
        address = None
    if address is None or "/" not in text:
        raise Failure(f"interface {name}: {text!r} is no IP address with its prefix",
                      hint="write it as 10.0.2.15/24 or fd00::15/64")
    return address.with_prefixlen


def _plain(name: str, text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise Failure(f"interface {name}: {text!r} is no IP address") from None


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))
