"""Fields brought into a network's definition; see ``network`` for what they are.

UUID, MAC and whatever else somebody gave the network stay; writing what is there already changes
nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from lxml import etree

from tiny_cloud.libvirt_xml.definition import text
from tiny_cloud.libvirt_xml.elements import STAMP, STAMP_NAMESPACE, E, Element, maker
from tiny_cloud.libvirt_xml.graft import drop, same
from tiny_cloud.libvirt_xml.network import (
    RESERVATION,
    VERSIONS,
    Wanted,
    by_mac,
    fields_of,
    forwarders_of,
    in_the_way,
    ip_of,
    name_entry,
    reservation,
)
from tiny_cloud.model import Value


def new_network(name: str, uuid: str) -> str:
    return text(E.network(E.name(name), E.uuid(uuid)))


def write_network(xml: str, wanted: Wanted, stamp: Mapping[str, str]) -> str:
    """The definition with these fields; what is not among them stays as it is."""
    root = etree.fromstring(xml)
    _stamp(root, {**stamp, "uuid": root.findtext("uuid", stamp.get("uuid", ""))})
    _forward(root, wanted)
    current = fields_of(root)
    news = {name: value for name, value in wanted.items() if current.get(name) != value}
    if "bridge" in news:
        _set(root, "bridge", name=str(news["bridge"]))
    if "device" in news:
        _device(root, news["device"])
    for tag, attribute in (("mtu", "size"), ("domain", "name")):
        if tag in news:
            only = {"localOnly": "yes"} if tag == "domain" else {}
            drop(root, tag)
            if news[tag] is not None:
                root.append(E(tag, {attribute: str(news[tag]), **only}))
    for ending in VERSIONS:
        _subnet(root, news, wanted, ending)
        _range(root, news, wanted, ending)
    _reservations(root, {n: v for n, v in news.items() if n.startswith(RESERVATION)})
    _dns(root, news)
    return text(root)


def same_network(first: str, second: str) -> bool:
    """Whether two definitions say the same, however they are written."""
    return same(etree.fromstring(first), etree.fromstring(second))


def _stamp(root: Element, stamp: Mapping[str, str]) -> None:
    metadata = root.find("metadata")
    if metadata is None:
        metadata = E.metadata()
        root.append(metadata)
    fresh = maker("tinycloud", STAMP_NAMESPACE).stamp(dict(stamp))
    old = metadata.find(STAMP)
    if old is None or not same(old, fresh):
        drop(metadata, STAMP)
        metadata.append(fresh)


def _set(root: Element, tag: str, **words: str) -> None:
    found = root.find(tag)
    if found is None:
        root.append(E(tag, words))
        return
    for key, value in words.items():
        found.set(key, value)


def _forward(root: Element, wanted: Wanted) -> None:
    """Between a bridge of the host and one of libvirt's own nothing else can be carried over."""
    before = str(fields_of(root)["forward"])
    mode = str(wanted.get("forward", before))
    if mode == before:
        return
    if "bridge" in (mode, before):
        for tag in ("bridge", "mac", "mtu", "domain", "dns", "ip"):
            drop(root, tag)
    drop(root, "forward")
    if mode != "isolated":
        root.append(E.forward(mode=mode))


def _device(root: Element, device: Value) -> None:
    forward = root.find("forward")
    if forward is None:
        return
    drop(forward, "interface")
    forward.attrib.pop("dev", "")
    if device is not None:
        forward.append(E.interface(dev=str(device)))


def _subnet(root: Element, news: Wanted, wanted: Wanted, ending: str) -> None:
    if f"subnet{ending}" not in news and f"address{ending}" not in news:
        return
    ip = ip_of(root, ending)
    subnet = wanted.get(f"subnet{ending}")
    if subnet is None:
        if ip is not None:
            root.remove(ip)
        return
    if ip is None:
        ip = E.ip({"family": "ipv6"} if ending else {})
        root.append(ip)
    whole = ipaddress.ip_network(str(subnet))
    ip.attrib.pop("netmask", "")
    ip.set("address", str(wanted[f"address{ending}"]))
    ip.set("prefix", str(whole.prefixlen))
    for item in (*ip.findall("dhcp/range"), *ip.findall("dhcp/host")):
        # What was given out of the old subnet has no meaning in the new one.
        places = [item.get(key) for key in ("start", "end", "ip") if item.get(key)]
        if any(ipaddress.ip_address(str(place)) not in whole for place in places):
            _take(item)


def _range(root: Element, news: Wanted, wanted: Wanted, ending: str) -> None:
    ip = ip_of(root, ending)
    start, end = f"dhcp{ending}.from", f"dhcp{ending}.to"
    if ip is None or (start not in news and end not in news):
        return
    for item in ip.findall("dhcp/range"):
        _take(item)
    if wanted.get(start) is not None:
        _dhcp(ip).insert(0, E.range(start=str(wanted[start]), end=str(wanted[end])))


def _reservations(root: Element, news: Wanted) -> None:
    ip = ip_of(root, "")
    wanted = by_mac(news)
    if ip is None or not wanted:
        return
    for host in ip.findall("dhcp/host"):
        if in_the_way(host, wanted):
            _take(host)
    for mac, value in sorted(wanted.items()):
        if value is not None:
            _dhcp(ip).append(reservation(mac, str(value)))


def _dhcp(ip: Element) -> Element:
    found = ip.find("dhcp")
    if found is None:
        found = E.dhcp()
        ip.append(found)
    return found


def _take(item: Element) -> None:
    """Out of its <dhcp>, and that as well when it was the last: an empty one means nothing."""
    parent = item.getparent()
    if parent is not None:
        parent.remove(item)
        around = parent.getparent()
        if not len(parent) and around is not None:
            around.remove(parent)


def _dns(root: Element, news: Wanted) -> None:
    names = [name for name in news if name.startswith("dns.")]
    if not names:
        return
    dns = root.find("dns")
    if dns is None:
        dns = E.dns()
        root.append(dns)
    if news.get("dns.enabled") is False:
        # libvirt refuses a name server that is switched off and has something to say.
        root.replace(dns, E.dns(enable="no"))
        return
    dns.attrib.pop("enable", "")
    if "dns.forwarders" in news:
        for item in forwarders_of(root):
            dns.remove(item)
        for place, address in enumerate(_tuple(news["dns.forwarders"])):
            dns.insert(place, E.forwarder(addr=address))
    if "dns.hosts" in news:
        drop(dns, "host")
        dns.extend(name_entry(entry) for entry in _tuple(news["dns.hosts"]))
    if not len(dns) and not dns.attrib:
        root.remove(dns)


def _tuple(value: Value) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()
