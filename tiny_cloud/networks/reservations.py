"""Which addresses a Network keeps for the cards of machines on it. Pure."""

from __future__ import annotations

import re

from tiny_cloud.resource import Resource


def reservations(network: Resource) -> dict[str, str]:
    """By MAC the address and the name that goes with it: the machine's, for its further cards with
    the card's behind it. A name is there once: who comes second has none."""
    found: dict[str, str] = {}
    names: set[str] = set()
    for address in sorted(network.referrers):
        machine = network.referrers[address]
        outputs = machine.provides()
        first = True
        for field, target in machine.links.items():
            card = field.removeprefix("interfaces[").removesuffix("].network")
            place = outputs.get(f"address:{card}")
            if target.address != network.address or not place:
                continue
            name = _label(address.name if first else f"{address.name}-{card}")
            first = False
            text = f"{place} {name}" if name not in names else str(place)
            names.add(name)
            found[str(outputs[f"mac:{card}"])] = text
    return found


def _label(name: str) -> str:
    """As a host name: one label of letters, digits and hyphens (RFC 1123)."""
    return re.sub(r"[^a-z0-9-]", "-", name.lower())[:63].strip("-")
