"""A network of libvirt's as a Network. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from tiny_cloud.facts import NetworkFacts
from tiny_cloud.foreign import Found, names, specs
from tiny_cloud.foreign.specs import STAYS
from tiny_cloud.libvirt_xml import RESERVATION, read_network
from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.model import Value
from tiny_cloud.networks.subnets import first_host

KNOWN = frozenset({"name", "uuid", "mac", "metadata", "forward", "bridge", "domain", "dns", "ip",
                   "mtu"})
"""Children of <network> that fields are for, or that every network has."""


def found(facts: NetworkFacts, cloud: str, taken: set[str]) -> Found:
    """Its name is put into ``taken``. Raises Failure for a network that is no Network: one that
    hands out cards of the host, say."""
    name, called = names.of_libvirt(facts.name, cloud, taken)
    fields = read_network(facts.xml)
    said = {field: value for field, value in fields.items()
            if value != () and not field.startswith(RESERVATION) and not _is_usual(field, fields)}
    document, remarks = specs.document(
        "Network", name, {**called, **said, "autostart": facts.autostart}, needed=("forward",))
    taken.add(name)
    return Found(document, (*remarks, *_remarks(facts, fields)))


def _is_usual(field: str, fields: dict[str, Value]) -> bool:
    """The host's own address, where it is the first."""
    subnet = field.replace("address", "subnet")
    return field in ("address", "address6") and fields[field] == first_host(str(fields[subnet]))


def _remarks(facts: NetworkFacts, fields: dict[str, Value]) -> Iterator[str]:
    kept = [f"{field.removeprefix(RESERVATION).rstrip(']')} {value}"
            for field, value in fields.items() if field.startswith(RESERVATION)]
    if kept:
        yield f"The addresses it keeps stay, and are not in here: {', '.join(kept)}."
    root = etree.fromstring(facts.xml)
    if tags := dict.fromkeys(_unsaid(root)):
        yield f"{', '.join(tags)}: {STAYS}."
    if not facts.live_xml:
        yield "It is not active: a plan will start it."
    if not facts.persistent:
        yield "It has no definition and is gone with the host; taking it over gives it one."


def _unsaid(root: Element) -> Iterator[str]:
    for item in (*root, *root.findall("forward/nat"), *root.findall("ip/tftp")):
        if isinstance(item.tag, str) and item.tag not in KNOWN:
            yield f"<{item.tag}>"
