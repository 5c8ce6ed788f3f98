"""What is wrong with a Network's values, among themselves and on this host, in words. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from tiny_cloud.errors import Problem
from tiny_cloud.facts import NetworkFacts
from tiny_cloud.libvirt_xml import read_network
from tiny_cloud.networks.subnets import canonical, overlaps
from tiny_cloud.resource import Resource

RANGE_BITS = 16
"""In which the ends of a range may differ."""
SHORTEST_DHCP6 = 64
"""Prefix."""


def faults(network: Resource) -> Iterator[Problem]:
    """Those that need no host."""
    spec = network.spec
    for ending in ("", "6"):
        if f"subnet{ending}" not in spec:
            continue
        whole = ipaddress.ip_network(spec[f"subnet{ending}"])
        places: dict[tuple[str | int, ...], str | None]
        places = {("spec", f"address{ending}"): spec.get(f"address{ending}")}
        dhcp = spec.get(f"dhcp{ending}", {})
        places |= {("spec", f"dhcp{ending}", end): dhcp.get(end) for end in ("from", "to")}
        outside = {path: text for path, text in places.items()
                   if text and not _is_inside(text, whole)}
        for path, text in outside.items():
            yield from network.refuse(
                path, f"{network.address}: {text} is no address of a host in {whole}",
                f"write one from {whole[1]} to {whole[-2]}").problems
        if dhcp and not any(path[1] == f"dhcp{ending}" for path in outside):
            yield from _range(network, f"dhcp{ending}", whole)
    yield from _names(network)


def _range(
    network: Resource, field: str, whole: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> Iterator[Problem]:
    """What libvirt (virSocketAddrGetRange) and dnsmasq's router advertisements refuse."""
    dhcp, path = network.spec[field], ("spec", field, "to")
    first, last = _number(dhcp["from"]), _number(dhcp["to"])
    if first > last:
        yield from network.refuse(
            path, f"{network.address}: {field} ends at {dhcp['to']}, before it begins",
            f"write from: {dhcp['to']}, to: {dhcp['from']}").problems
    elif first >> RANGE_BITS != last >> RANGE_BITS:
        end = ipaddress.ip_address(dhcp["from"]) + (~first & ((1 << RANGE_BITS) - 1))
        yield from network.refuse(
            path, f"{network.address}: {field} is larger than libvirt can: all but the last "
            f"{RANGE_BITS} bits of its ends must be the same", f"write to: {end}").problems
    own = network.spec.get(f"address{field.removeprefix('dhcp')}") or str(whole[1])
    if first <= _number(own) <= last:
        yield from network.refuse(
            ("spec", field, "from"), f"{network.address}: {field} from {dhcp['from']} to "
            f"{dhcp['to']} has the network's own address {own} in it",
            "leave that out of the range").problems
    if whole.version == 6 and whole.prefixlen < SHORTEST_DHCP6:
        yield from network.refuse(
            ("spec", "subnet6"), f"{network.address}: dhcp6 works in a subnet of at most "
            f"/{SHORTEST_DHCP6}, not /{whole.prefixlen}",
            f"write subnet6: {whole.network_address}/{SHORTEST_DHCP6}").problems


def _is_inside(text: str, whole: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return ipaddress.ip_address(text) in whole and _number(str(whole[0])) < _number(text) and (
        whole.version == 6 or _number(text) < _number(str(whole[-1])))


def _number(text: str) -> int:
    return int(ipaddress.ip_address(text))


def _names(network: Resource) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for at, item in enumerate(network.spec.get("dns", {}).get("hosts", ())):
        if first.setdefault(canonical(item["address"]), at) != at:
            yield from network.refuse(
                ("spec", "dns", "hosts", at, "address"),
                f"{network.address}: {item['address']} has an entry in dns.hosts already",
                "put all its names into one").problems


def overlap_faults(network: Resource, others: Iterable[NetworkFacts]) -> Iterator[Problem]:
    """Subnets that other active networks of this host have."""
    for facts in others:
        fields = read_network(facts.live_xml)
        for name in ("subnet", "subnet6"):
            mine, theirs = network.spec.get(name), fields.get(name)
            if mine and theirs and overlaps(mine, str(theirs)):
                yield from network.refuse(
                    ("spec", name),
                    f"{network.address}: libvirt's network {facts.name} has {theirs}, which "
                    f"overlaps {mine}",
                    f"take another, or virsh net-destroy {facts.name}").problems


def bridge_faults(
    network: Resource, facts: NetworkFacts | None, there: Mapping[str, object]
) -> Iterator[Problem]:
    """``facts``: the network itself as libvirt has it; ``there``: the host's bridges."""
    bridge = network.spec.get("bridge")
    if bridge is None:
        return
    path = ("spec", "bridge")
    if network.spec.get("forward") == "bridge":
        if bridge not in there:
            yield from network.refuse(
                path, f"{network.address}: this host has no bridge {bridge}",
                "ip link show type bridge shows them").problems
        return
    own = read_network(facts.live_xml) if facts is not None and facts.live_xml else {}
    if bridge in there and (own.get("bridge") != bridge or own.get("forward") == "bridge"):
        yield from network.refuse(
            path, f"{network.address}: this host has a bridge {bridge} already",
            "call it something else, or write forward: bridge to use that one").problems
