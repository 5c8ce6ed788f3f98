"""What only one machine can have: a MAC, and an address on a network. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tiny_cloud.errors import Problem
from tiny_cloud.model import Address
from tiny_cloud.resource import Resource


def conflicts(resources: Sequence[Resource]) -> list[Problem]:
    """MACs and static addresses that are declared twice, each at the second place."""
    machines = [resource for resource in resources if resource.address.kind == "virtualmachine"]
    guests = [resource for resource in resources if resource.address.kind == "guest"]
    home = {machine.links["guest"].address: machine
            for machine in machines if "guest" in machine.links}
    home |= {guest.address: guest.links["machine"] for guest in guests if "machine" in guest.links}

    def mac(_: Resource, card: Any) -> str | None:
        return card["mac"].lower() if "mac" in card else None

    def address(guest: Resource, card: Any) -> tuple[str, str] | None:
        network = _network(home.get(guest.address), card["name"])
        if "address" not in card or network is None:
            return None
        return network, card["address"].partition("/")[0]

    return [*_twice(machines, "mac", mac), *_twice(guests, "address", address)]


def _network(machine: Resource | None, name: str) -> str | None:
    """What the card of this name is plugged into; empty: not known; None: a network of its own.

    Every card on qemu's user-mode network is alone there: 10.0.2.15 is everybody's address.
    """
    for card in machine.spec.get("interfaces", ()) if machine else ():
        if card["name"] == name:
            return None if "user" in card else card.get("network", f"bridge {card.get('bridge')}")
    return ""


def _twice(resources: Sequence[Resource], name: str,
           key: Callable[[Resource, Any], object]) -> Iterator[Problem]:
    first: dict[object, tuple[Address, str]] = {}
    for resource in resources:
        for place, card in enumerate(resource.spec.get("interfaces", ())):
            found = key(resource, card)
            if found is None:
                continue
            path = ("spec", "interfaces", place, name)
            span = resource.document.span(path) if resource.document else resource.span
            if found not in first:
                first[found] = (resource.address, str(span))
                continue
            owner, where = first[found]
            yield Problem(f"{resource.address} has the {name} {card[name]}, and so has {owner}",
                          span, f"that one is at {where}; give one of them another")
