"""Addresses of a machine, for people and as JSON (its form is ``schemas/addresses.json``)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console

from tiny_cloud.model import Address
from tiny_cloud.reach.addresses import Card, Found
from tiny_cloud.render import tables

FORMAT_VERSION = 1
HEAD = ("CARD", "ADDRESS", "SOURCE", "NETWORK", "MAC")


def show(console: Console, found: Sequence[Found], cards: Sequence[Card]) -> None:
    """``cards``: those whose forwarded ports are shown, too."""
    rows = [(one.card.name if one.card else "-", _with_prefix(one), ",".join(one.sources),
             one.card.network if one.card else "of the guest's own", one.mac) for one in found]
    rows += [(card.name, f"{forward.address}:{forward.host_port}", "forward",
              f"{card.network}, {forward.protocol} {forward.guest}", card.mac)
             for card in cards for forward in card.forwards]
    tables.show(console, HEAD, rows)


def _with_prefix(one: Found) -> str:
    return one.address if one.prefix is None else f"{one.address}/{one.prefix}"


def dumps(machine: Address, found: Sequence[Found], cards: Sequence[Card]) -> str:
    document = {
        "formatVersion": FORMAT_VERSION,
        "machine": str(machine),
        "addresses": [
            {"address": one.address, "prefix": one.prefix, "mac": one.mac,
             "sources": list(one.sources), "card": one.card.name if one.card else None,
             "network": one.card.network if one.card else None}
            for one in found],
        "forwards": [
            {"card": card.name, "address": forward.address, "port": forward.host_port,
             "protocol": forward.protocol, "guestPort": forward.guest}
            for card in cards for forward in card.forwards],
    }
    return json.dumps(document, indent=2)
