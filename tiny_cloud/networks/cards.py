"""A machine's cards and the networks that they are plugged into. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Problem
from tiny_cloud.model import State, Value
from tiny_cloud.networks.addresses import misfit
from tiny_cloud.resource import Resource


def socket(card: Mapping[str, Any]) -> str:
    """The field that says which network a card is plugged into."""
    return f"interfaces[{card['name']}].network"


def network_of(machine: Resource, card: Mapping[str, Any]) -> str:
    """libvirt's name of what a card is plugged into."""
    link = machine.links.get(socket(card))
    return str(link.provides()["network"]) if link else str(card["network"])


def addresses_of(machine: Resource) -> dict[str, Value]:
    """``address:CARD``, without the prefix: as its document says, or its guest's."""
    found: dict[str, Value] = {}
    for guest in _guests(machine):
        outputs = guest.provides()
        found |= {key: value for key, value in outputs.items() if key.startswith("address:")}
    for card in machine.spec.get("interfaces", ()):
        if "address" in card:
            found[f"address:{card['name']}"] = str(card["address"]).partition("/")[0]
    return found


def declared_names(machine: Resource, fields: State) -> State:
    """The manifest says which Network, libvirt what it calls that: ``fields`` are libvirt's."""
    names: dict[str, Value] = {}
    for card in machine.spec.get("interfaces", ()):
        link, there = machine.links.get(socket(card)), fields.get(socket(card))
        if link is not None and there == link.provides()["network"]:
            names[socket(card)] = link.address.name
        elif link is not None and there == link.address.name:
            names[socket(card)] = f"{there} (libvirt's own)"
    return names


def card_faults(machine: Resource) -> Iterator[Problem]:
    """Of the addresses that no guest of ours is told: those are for DHCP alone."""
    for at, card in enumerate(machine.spec.get("interfaces", ())):
        if "address" not in card or _guests(machine):
            continue
        network = machine.links.get(socket(card))
        outputs = network.provides() if network else {}
        path = ("spec", "interfaces", at, "address")
        if network is None or not outputs["reserves"]:
            yield from machine.refuse(
                path, f"{machine.address} has no guest to be told its address, and the network "
                f"{card['network']} cannot give it out",
                "add disks and a guest, or declare a Network with dhcp").problems
        elif found := misfit(card["address"], str(network.address), outputs):
            summary, hint = found
            yield from machine.refuse(path, f"{machine.address}: {summary}", hint).problems


def _guests(machine: Resource) -> list[Resource]:
    there = [machine.links["guest"]] if "guest" in machine.links else []
    return there + [item for item in machine.referrers.values() if item.address.kind == "guest"]
