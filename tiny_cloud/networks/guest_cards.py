"""A guest's cards: what the Networks of its machine know of them, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Problem
from tiny_cloud.networks import reach
from tiny_cloud.networks.addresses import completed, misfit
from tiny_cloud.resource import Resource


def interfaces(guest: Resource) -> dict[str, Any]:
    """Its cards with what their networks know, if there are any: prefix, router, servers."""
    cards = guest.spec.get("interfaces", ())
    networks = {card["name"]: network.provides() for card in cards
                if (network := network_of(guest, card)) is not None}
    return {"interfaces": completed(cards, networks)} if cards else {}


def network_of(guest: Resource, card: Mapping[str, Any]) -> Resource | None:
    """The declared Network that a card of its machine is plugged into."""
    machine = guest.links.get("machine")
    return machine.links.get(f"interfaces[{card['name']}].network") if machine else None


def faults(guest: Resource) -> Iterator[Problem]:
    for path, summary, hint in _faults(guest):
        yield from guest.refuse(
            ("spec", "interfaces", *path), f"{guest.address}: {summary}", hint).problems


def _faults(guest: Resource) -> Iterator[reach.Fault]:
    """Paths begin with the card's number."""
    cards = guest.spec.get("interfaces", ())
    for at, card in enumerate(cards):
        network = network_of(guest, card)
        subnet = str(network.provides()["subnet"]) if network else ""
        for path, summary, hint in reach.faults(card, subnet):
            yield (at, *path), summary, hint
    yield from reach.names(cards)
    for at, card in enumerate(cards):
        network, address = network_of(guest, card), str(card.get("address", ""))
        if network is None and address and "/" not in address:
            yield ((at, "address"), "the length of the prefix is missing",
                   f"write {address}/24, or plug the card into a declared Network")
        elif network is not None and address:
            found = misfit(address, str(network.address), network.provides())
            if found is not None:
                yield (at, "address"), *found
        elif network is not None and card.get("dhcp") and not network.provides()["dhcp"]:
            yield ((at, "dhcp"), f"{network.address} gives out no addresses",
                   "write dhcp in the Network, or an address here")
