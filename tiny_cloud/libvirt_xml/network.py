"""A libvirt network as flat fields (https://libvirt.org/formatnetwork.html).

They are those of ``schemas/network.json``, and ``reservations[MAC]``: an address and, if it has
one, a name in one text.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping

from lxml import etree

from tiny_cloud.libvirt_xml.elements import E, Element, attribute
from tiny_cloud.model import Value

Wanted = Mapping[str, Value]
"""Flat fields; None takes a field away."""

VERSIONS = {"": 4, "6": 6}
"""By the ending of a field's name: ``subnet`` and ``subnet6``."""
RESERVATION = "reservations["


def read_network(xml: str) -> dict[str, Value]:
    return fields_of(etree.fromstring(xml))


def fields_of(root: Element) -> dict[str, Value]:
    fields: dict[str, Value] = {"forward": _mode(root), "dns.enabled": _has_dns(root)}
    for field in ("bridge", "domain"):
        if value := attribute(root, field, "name"):
            fields[field] = value
    if devices := devices_of(root):
        fields["device"] = " and ".join(devices)
    if mtu := attribute(root, "mtu", "size"):
        fields["mtu"] = int(mtu)
    fields["dns.forwarders"] = tuple(item.get("addr", "") for item in forwarders_of(root))
    fields["dns.hosts"] = names_of(root)
    for ending in VERSIONS:
        fields |= _addresses(root, ending)
    for mac, host in reservations_of(root).items():
        fields[f"{RESERVATION}{mac}]"] = f"{host.get('ip', '')} {host.get('name', '')}".strip()
    return fields


def host_entry(address: str, names: list[str]) -> str:
    """The one way a name server's entry is written as a value: compact JSON with sorted keys."""
    words = {"address": str(ipaddress.ip_address(address)), "names": names}
    return json.dumps(words, sort_keys=True, separators=(",", ":"))


# -- parts, for whoever changes them ---------------------------------------------------------------


def ip_of(root: Element, ending: str) -> Element | None:
    """The first <ip> of a family: the one that is managed."""
    version = VERSIONS[ending]
    for item in root.findall("ip"):
        if (6 if item.get("family") == "ipv6" else 4) == version:
            return item
    return None


def ranges_of(root: Element, ending: str) -> list[tuple[str, str]]:
    ip = ip_of(root, ending)
    found = [] if ip is None else ip.findall("dhcp/range")
    return [(item.get("start", ""), item.get("end", "")) for item in found]


def reservations_of(root: Element) -> dict[str, Element]:
    """IPv4's, by MAC; IPv6 knows its hosts by other marks (DUID)."""
    ip = ip_of(root, "")
    found = [] if ip is None else ip.findall("dhcp/host")
    return {item.get("mac", "").lower(): item for item in found if item.get("mac")}


def reservation(mac: str, value: str) -> Element:
    address, _, name = value.partition(" ")
    return E.host({"mac": mac, **({"name": name} if name else {}), "ip": address})


def in_the_way(host: Element, wanted: Mapping[str, Value]) -> bool:
    """Whether a reservation has the MAC, or the address or name of one that is wanted."""
    mac = host.get("mac", "").lower()
    if mac in wanted:
        value = wanted[mac]
        return value is None or f"{host.get('ip')} {host.get('name', '')}".strip() != value
    pairs = [str(value).partition(" ") for value in wanted.values() if value is not None]
    return any(host.get("ip") == ip or (name and host.get("name") == name) for ip, _, name in pairs)


def by_mac(fields: Mapping[str, Value]) -> dict[str, Value]:
    return {name[len(RESERVATION) : -1]: value for name, value in fields.items()
            if name.startswith(RESERVATION)}


def names_of(root: Element) -> tuple[str, ...]:
    """The name server's own entries, in one order: libvirt appends what is added."""
    hosts = root.findall("dns/host")
    return tuple(sorted(
        host_entry(host.get("ip", ""), [name.text or "" for name in host.findall("hostname")])
        for host in hosts if host.get("ip")
    ))


def name_entry(entry: str) -> Element:
    words = json.loads(entry)
    return E.host(*(E.hostname(name) for name in words["names"]), ip=words["address"])


def devices_of(root: Element) -> list[str]:
    found = [item.get("dev", "") for item in root.findall("forward/interface")]
    return found or [dev for dev in [attribute(root, "forward", "dev")] if dev]


# -- reading --------------------------------------------------------------------------------------


def _mode(root: Element) -> str:
    forward = root.find("forward")
    return "isolated" if forward is None else forward.get("mode", "nat")


def _has_dns(root: Element) -> bool:
    return attribute(root, "dns", "enable") != "no"


def forwarders_of(root: Element) -> list[Element]:
    """Those for everything; one for a single domain is somebody else's."""
    return [item for item in root.findall("dns/forwarder") if not item.get("domain")]


def _addresses(root: Element, ending: str) -> Iterator[tuple[str, Value]]:
    ip = ip_of(root, ending)
    if ip is None:
        return
    address = ip.get("address", "")
    mask = ip.get("prefix") or ip.get("netmask") or ("64" if ending else "24")
    yield f"subnet{ending}", str(ipaddress.ip_network(f"{address}/{mask}", strict=False))
    yield f"address{ending}", str(ipaddress.ip_address(address))
    if ranges := ranges_of(root, ending):
        # More than one is never declared: it shows as a difference and is put right.
        yield f"dhcp{ending}.from", " and ".join(start for start, _ in ranges)
        yield f"dhcp{ending}.to", " and ".join(end for _, end in ranges)
