"""What can be changed in a network while it is active: sections of net-update.

libvirt 9.0 knows add, delete and (for reservations) modify; a range cannot be modified at all. The
host's firewall and dnsmasq follow each update. https://libvirt.org/html/libvirt-libvirt-network.html
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from msgspec import Struct

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.network import (
    VERSIONS,
    Wanted,
    by_mac,
    devices_of,
    in_the_way,
    ip_of,
    name_entry,
    names_of,
    ranges_of,
    reservation,
    reservations_of,
)

ANY = -1
"""libvirt finds the parent by itself: there is only one."""


class Update(Struct, frozen=True):
    command: str
    """``add`` or ``delete``."""
    section: str
    """As virsh net-update calls it: ``ip-dhcp-range``."""
    xml: str
    parent: int = ANY
    """Which <ip> of the network it is in, from 0."""


def is_updatable(name: str, live: Wanted, target: Wanted) -> bool:
    """Whether a field can be changed in a network that is active as ``live`` says; ``target`` is
    what its definition is to be. What does not fit the active one's subnet has to wait."""
    if name == "device":
        mode = live.get("forward")
        return mode == target.get("forward") and mode in ("nat", "route")
    if name == "dns.hosts":
        return live.get("dns.enabled") == target.get("dns.enabled")
    for ending in VERSIONS:
        if name.startswith(f"dhcp{ending}.") or (name.startswith("reservations[") and not ending):
            places = (f"subnet{ending}", f"address{ending}")
            return all(live.get(place) == target.get(place) for place in places)
    return False


def updates(xml: str, wanted: Wanted) -> list[Update]:
    """What brings a network to these (updatable) fields: deletions come before additions, since an
    address or a name can be there only once."""
    root = etree.fromstring(xml)
    found = [*_ranges(root, wanted), *_reservations(root, wanted), *_names(root, wanted),
             *_devices(root, wanted)]
    return sorted(found, key=lambda update: update.command != "delete")


def _ranges(root: Element, wanted: Wanted) -> Iterator[Update]:
    for ending in VERSIONS:
        if f"dhcp{ending}.from" not in wanted:
            continue
        pair = (wanted[f"dhcp{ending}.from"], wanted[f"dhcp{ending}.to"])
        present, parent = ranges_of(root, ending), _parent(root, ending)
        for start, end in present:
            if (start, end) != pair:
                yield _update("delete", "ip-dhcp-range", E.range(start=start, end=end), parent)
        if pair[0] is not None and pair not in present:
            fresh = E.range(start=str(pair[0]), end=str(pair[1]))
            yield _update("add", "ip-dhcp-range", fresh, parent)


def _reservations(root: Element, wanted: Wanted) -> Iterator[Update]:
    hosts, parent = by_mac(wanted), _parent(root, "")
    ip = ip_of(root, "")
    if not hosts or ip is None:
        return
    for host in ip.findall("dhcp/host"):
        if in_the_way(host, hosts):
            yield _update("delete", "ip-dhcp-host", host, parent)
    present = reservations_of(root)
    for mac, value in sorted(hosts.items()):
        if value is not None and (mac not in present or in_the_way(present[mac], hosts)):
            yield _update("add", "ip-dhcp-host", reservation(mac, str(value)), parent)


def _names(root: Element, wanted: Wanted) -> Iterator[Update]:
    if "dns.hosts" not in wanted:
        return
    entries, present = wanted["dns.hosts"] or (), names_of(root)
    assert isinstance(entries, tuple)
    for entry in present:
        if entry not in entries:
            # By its address: libvirt takes an entry for another as soon as they share a name.
            yield _update("delete", "dns-host", E.host(ip=name_entry(entry).get("ip", "")))
    for entry in map(str, entries):
        if entry not in present:
            yield _update("add", "dns-host", name_entry(entry))


def _devices(root: Element, wanted: Wanted) -> Iterator[Update]:
    if "device" not in wanted:
        return
    device, present = wanted["device"], devices_of(root)
    for other in present:
        if other != device:
            yield _update("delete", "forward-interface", E.interface(dev=other))
    if device is not None and device not in present:
        yield _update("add", "forward-interface", E.interface(dev=str(device)))


def _parent(root: Element, ending: str) -> int:
    ip = ip_of(root, ending)
    return ANY if ip is None else root.findall("ip").index(ip)


def _update(command: str, section: str, element: Element, parent: int = ANY) -> Update:
    xml = etree.tostring(element, encoding="unicode", with_tail=False)
    return Update(command, section, " ".join(xml.split()), parent)
