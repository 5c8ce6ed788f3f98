"""What a pattern cannot say of a text: sizes, addresses, ports. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from tiny_cloud.sizes import is_share, parse_size, share_of

SECTOR = 512
"""Bytes: qemu-img and libvirt count disks in sectors, and would round anything else."""

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_PREFIX = re.compile(r"[0-9.]+/[0-9]{1,2}", re.ASCII)
_PREFIX6 = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}", re.ASCII)
_PORT = re.compile(r"(?:([0-9.]+):)?([1-9][0-9]{0,4})", re.ASCII)


def size(value: str | int) -> None:
    bytes_ = parse_size(value)
    if not bytes_:
        raise ValueError("it must be more than nothing")
    if bytes_ % SECTOR:
        raise ValueError(f"it must be a whole number of sectors of {SECTOR} bytes")


def volume_size(value: str | int) -> None:
    """A size, or a share as lvcreate(8) has it."""
    if is_share(value):
        share_of(str(value))
    else:
        size(value)


def path(value: str) -> None:
    if not value.strip():
        raise ValueError("a path cannot be empty")
    if value.startswith("~"):
        raise ValueError("~ stands for nothing here; write the whole path")
    if any(ord(character) < 32 for character in value):
        raise ValueError("a path cannot hold a line break or a tab")


def ip(value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("that is no IP address") from None


def ipv4(value: str) -> None:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        raise ValueError("that is no IPv4 address, which is four numbers from 0 to 255") from None


def ipv4_interface(value: str) -> None:
    address, slash, _ = value.partition("/")
    ipv4(address)
    if not slash:
        raise ValueError(f"the length of the prefix is missing, as in {address}/24")
    try:
        if not _PREFIX.fullmatch(value):
            raise ValueError(value)
        card = ipaddress.IPv4Interface(value)
    except ValueError:
        raise ValueError("the length of the prefix is a number from 0 to 32") from None
    net = card.network
    if net.prefixlen < 31 and card.ip in (net.network_address, net.broadcast_address):
        what = "network" if card.ip == net.network_address else "broadcast address"
        raise ValueError(f"that is the {what} of {net}, not the address of a card")
    _of_a_card(card.ip)


def _of_a_card(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_multicast or address.is_loopback or address.is_unspecified:
        raise ValueError("no card can have that address")


def ip_card(value: str) -> None:
    """IPv4 or IPv6, with its prefix."""
    if ":" not in value:
        ipv4_interface(value)
        return
    address, slash, prefix = value.partition("/")
    ipv6(address)
    if not slash:
        raise ValueError(f"the length of the prefix is missing, as in {address}/64")
    if not _PREFIX6.fullmatch(value) or int(prefix) not in range(1, 129):
        raise ValueError("the length of the prefix is a number from 1 to 128")
    _of_a_card(ipaddress.IPv6Address(address))


def ip_network(value: str) -> None:
    """Where a route leads to: 0.0.0.0/0 and ::/0 are everywhere."""
    if ":" in value:
        ipv6(value.partition("/")[0])
        _network(value, _PREFIX6, range(129))
    else:
        ipv4(value.partition("/")[0])
        _network(value, _PREFIX, range(33))


def ipv4_card(value: str) -> None:
    """With or without a prefix, which a Network may know."""
    if "/" in value:
        ipv4_interface(value)
        return
    ipv4(value)
    _of_a_card(ipaddress.IPv4Address(value))


def ipv4_network(value: str) -> None:
    ipv4(value.partition("/")[0])
    _network(value, _PREFIX, range(8, 31))


def ipv6(value: str) -> None:
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        raise ValueError("that is no IPv6 address, such as fd00:44::1") from None
    if address.scope_id is not None:
        raise ValueError("the address of a network has no device (%) in it")


def ipv6_network(value: str) -> None:
    ipv6(value.partition("/")[0])
    _network(value, _PREFIX6, range(8, 127))


def _network(value: str, form: re.Pattern[str], prefixes: range) -> None:
    """libvirt wants an address for itself and leaves out the first and the last one."""
    address, _, prefix = value.partition("/")
    if not form.fullmatch(value) or int(prefix) not in prefixes:
        raise ValueError(f"the length of the prefix is a number from {prefixes[0]} to "
                         f"{prefixes[-1]}, as in {address}/{24 if '.' in address else 64}")
    whole = ipaddress.ip_network(value, strict=False)
    if str(whole.network_address) != str(ipaddress.ip_address(address)):
        raise ValueError(f"{address} is an address in the network {whole}")


def mac(value: str) -> None:
    if not _MAC.fullmatch(value):
        raise ValueError("a MAC is six pairs of hexadecimal digits with colons between them")
    if int(value[:2], 16) & 1:
        raise ValueError("that is a multicast address, no card's; make the first pair even")


def host_port(value: str | int) -> None:
    match = _PORT.fullmatch(str(value))
    if match is None or int(match[2]) > 65535:
        raise ValueError("it is a port from 1 to 65535, alone or after an IPv4 address and a colon")
    if match[1] is not None:
        ipv4(match[1])


def listen(value: str) -> None:
    if value != "socket":
        ip(value)


def _for(types: tuple[type, ...], check: Callable[[Any], None]) -> Callable[[object], bool]:
    def passes(value: object) -> bool:
        if isinstance(value, types) and not isinstance(value, bool):
            check(value)
        return True

    return passes


FORMATS: Mapping[str, Callable[[object], bool]] = {
    name: _for(types, check) for name, types, check in (
        ("size", (str, int), size), ("volume-size", (str, int), volume_size),
        ("path", (str,), path), ("ip", (str,), ip),
        ("ipv4", (str,), ipv4), ("ipv4-card", (str,), ipv4_card), ("mac", (str,), mac),
        ("ipv4-network", (str,), ipv4_network), ("ipv6", (str,), ipv6),
        ("ipv6-network", (str,), ipv6_network), ("ipv4-interface", (str,), ipv4_interface),
        ("ip-card", (str,), ip_card), ("ip-network", (str,), ip_network),
        ("host-port", (str, int), host_port),
        ("listen", (str,), listen),
    )
}
"""By name; each raises ValueError with the reason. Values of another type pass, for ``type``
complains of them already."""
