"""A machine's UUID and MACs: as recorded or as the host has them, at first derived. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from tiny_cloud.libvirt_xml import derive_mac, derive_uuid
from tiny_cloud.model import Change
from tiny_cloud.naming import known
from tiny_cloud.resource import Resource


def uuid_of(machine: Resource) -> str:
    """As recorded: it stays when the name changes."""
    cloud, (_, record) = machine.context.cloud, known(machine)
    return str(record.get("uuid") or derive_uuid(cloud.seed, cloud.name, _identity(machine)))


def mac_of(machine: Resource, card: Mapping[str, Any], change: Change | None = None) -> str:
    """As declared, as the host has it, as recorded, or derived from who the machine is."""
    cloud, (_, record), name = machine.context.cloud, known(machine), card["name"]
    seen = change.observed.fields if change and change.observed else {}
    there = (card.get("mac") or seen.get(f"interfaces[{name}].mac")
             or record.get("macs", {}).get(name))
    return str(there or derive_mac(cloud.seed, cloud.name, _identity(machine), name)).lower()


def macs_of(machine: Resource, change: Change | None = None) -> dict[str, str]:
    """Of all its cards, by their names."""
    return {card["name"]: mac_of(machine, card, change)
            for card in machine.spec.get("interfaces", ())}


def _identity(machine: Resource) -> str:
    """What UUID and MACs are derived from: its address, with a number if a machine that was made
    under this name still has those."""
    cloud, (address, _), owners = machine.context.cloud, known(machine), machine.context.owners()
    words = (f"{address}#{number}" if number else str(address) for number in itertools.count())
    return next(word for word in words if owners.get(
        derive_uuid(cloud.seed, cloud.name, word), address) == address)
