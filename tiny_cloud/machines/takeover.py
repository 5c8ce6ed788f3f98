"""A domain that somebody else made, as it would be once it is ours. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tiny_cloud.facts import DomainFacts, Reader
from tiny_cloud.libvirt_xml import Interface, adoption
from tiny_cloud.machines import disks, remotes
from tiny_cloud.resource import Resource


def with_our_names(
    machine: Resource, host: Reader, facts: DomainFacts, cards: Iterable[Interface]
) -> DomainFacts:
    """Its devices are called as they would be; ``cards``: those of the machine, with their MACs."""
    spec = machine.spec
    macs = {card["name"]: card.get("mac", "").lower() for card in spec.get("interfaces", ())}
    known = [replace(card, mac=macs[card.name]) for card in cards]
    files = {item["name"]: disks.files(link, host) for item in spec.get("disks", ())
             if (link := machine.links.get(f"disks[{item['name']}].disk"))}
    places = {**files, **remotes.urls(machine)}
    return replace(facts, xml=adoption.named(facts.xml, known, places, spec))
