"""How somebody logs in to a machine by ssh: where, as whom, and by which host key. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from tiny_cloud.reach.addresses import Card, Found

PORT = 22


class Way(Struct, frozen=True):
    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def forwarded(cards: Sequence[Card]) -> list[Way]:
    """By ports of this host."""
    return [Way(forward.address, forward.host_port) for card in cards for forward in card.forwards
            if (forward.guest, forward.protocol) == (PORT, "tcp")]


def direct(found: Sequence[Found]) -> list[Way]:
    """By addresses: what somebody saw before what is declared, IPv4 first."""
    near = [one for one in found if one.card is not None and one.card.is_reachable]
    near.sort(key=lambda one: (not one.is_seen, ":" in one.address))
    return [Way(one.address) for one in near]


def user(users: Mapping[str, Mapping[str, Any]]) -> str:
    """Whom a manifest's guest lets in: one with a key before one with a password, a person before
    root; empty: nobody, so that it is ssh's to know."""
    for key in ("authorizedKeys", "password"):
        able = [name for name, words in users.items()
                if words.get(key) and not words.get("system") and not words.get("locked")]
        people = [name for name in able if name != "root"]
        if able:
            return (people or able)[0]
    return ""


def argv(
    way: Way, *, user: str, alias: str, options: Sequence[str], command: Sequence[str]
) -> tuple[str, ...]:
    """ssh(1)'s. A key is known by the machine and its disk (``alias``), for addresses and forwarded
    ports go from one machine to another: the first is taken, another one refused. ``options``
    are the user's, and come first: ssh takes the first value it is given (ssh_config(5))."""
    ours = (f"HostKeyAlias={alias}", "StrictHostKeyChecking=accept-new")
    return ("ssh", *(word for option in (*options, *ours) for word in ("-o", option)),
            *(("-l", user) if user else ()), "-p", str(way.port), "--", way.host, *command)
