"""The interfaces a manifest asks for, checked, and which of the guest's ways configures them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, ip_address
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Found, Wish

NETPLAN = ("/usr/sbin/netplan", "/sbin/netplan", "/usr/bin/netplan")
IFUPDOWN = ("/usr/sbin/ifup", "/sbin/ifup")
NETWORKD = ("/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd")
DHCP_CLIENTS = tuple(f"{folder}/{name}" for folder in ("/usr/sbin", "/sbin")
                     for name in ("dhclient", "dhcpcd", "udhcpc"))
"""What ifupdown itself looks for (interfaces(5), the dhcp method)."""

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")
_DOMAIN = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Interface:
    """One network card and what it is to have; neither DHCP nor an address: it is only named."""

    name: str
    mac: str = ""
    """In lower case; empty: the card has the name already."""
    dhcp: bool = False
    address: str = ""
    """With its prefix: ``10.0.2.15/24``."""
    gateway: str = ""
    dns: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


def asks(wish: Wish) -> Iterator[str]:
    """What decides between netplan, ifupdown and systemd-networkd."""
    if wish.settings.get("interfaces"):
        yield from (*NETPLAN, "/etc/netplan", *IFUPDOWN, *NETWORKD)


def way(found: Found) -> str:
    """netplan, ifupdown or networkd: whichever the image uses, netplan before what it stands on."""
    if found.has(*NETPLAN) and found.kind("/etc/netplan") == "folder":
        return "netplan"
    if found.has(*IFUPDOWN):
        return "ifupdown"
    if found.has(*NETWORKD):
        return "networkd"
    raise Failure(
        "the guest has nothing that could configure its network",
        hint="install netplan.io, ifupdown or systemd-networkd in the image; looked for "
             f"{', '.join((NETPLAN[0], IFUPDOWN[0], NETWORKD[0]))}",
    )


def chosen(wish: Wish, found: Found, which: str) -> tuple[Interface, ...]:
    """The declared interfaces if this is the guest's way, else none."""
    if not wish.settings.get("interfaces") or way(found) != which:
        return ()
    return interfaces(wish.settings)


def interfaces(settings: Mapping[str, Any]) -> tuple[Interface, ...]:
    """All declared ones. Raises Failure for what is no name, MAC or address."""
    return tuple(_interface(item) for item in settings.get("interfaces", ()))


def dns_of(wish: Wish) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name servers and search domains of all interfaces together, each once, in order."""
    declared = interfaces(wish.settings)
    return (_once(server for card in declared for server in card.dns),
            _once(domain for card in declared for domain in card.search))


def _interface(item: Mapping[str, Any]) -> Interface:
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
    return Interface(
        name, mac, bool(item.get("dhcp")), _address(name, str(item.get("address") or "")),
        gateway=_plain(name, str(item.get("gateway") or "")),
        dns=tuple(_plain(name, server) for server in item.get("dns", ())),
        search=tuple(item.get("search", ())),
    )


def _address(name: str, text: str) -> str:
    if not text:
        return ""
    try:
        address = IPv4Interface(text)
    except ValueError:
        address = None
    if address is None or "/" not in text:
        raise Failure(f"interface {name}: {text!r} is no IPv4 address with its prefix",
                      hint="write it as 10.0.2.15/24")
    return address.with_prefixlen


def _plain(name: str, text: str) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise Failure(f"interface {name}: {text!r} is no IP address") from None


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))
