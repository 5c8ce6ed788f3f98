"""A card's address on a declared network: what is wrong with it, and what the network adds. Pure.

``network`` is what a Network provides: subnet, address, gateway, isolated, dns, search.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from tiny_cloud.model import Value

Network = Mapping[str, Value]


def misfit(address: str, name: str, network: Network) -> tuple[str, str] | None:
    """Why a card cannot have the address there, and what to write instead; None: it can."""
    subnet, own = str(network["subnet"]), network["address"]
    if not subnet:
        return None if "/" in address else (
            f"the address {address} has no prefix, and {name} has no subnet to take it from",
            f"write {address}/24")
    whole = ipaddress.IPv4Network(subnet)
    text, _, prefix = address.partition("/")
    card = ipaddress.IPv4Address(text)
    if card not in whole:
        return f"the address {text} is not in {name}, which has {subnet}", "write one that is"
    if card in (whole.network_address, whole.broadcast_address):
        return f"the address {text} is the first or last of {subnet}, not a card's", "take another"
    if text == own:
        return f"the address {text} is that of {name} itself", "take another"
    if prefix and int(prefix) != whole.prefixlen:
        return f"the address {address} has another prefix than {name}, which has {subnet}", (
            f"write {text}")
    return None


def completed(
    cards: Sequence[Mapping[str, Any]], networks: Mapping[str, Network]
) -> list[dict[str, Any]]:
    """A guest's cards with what their networks (by card) know: the prefix of a static address, the
    router, name servers, domains. Whoever writes one of the last three on some card means that one
    alone; and only one card gets a router."""
    inner = (vlan for card in cards for vlan in card.get("vlans", ()))
    said = {key for one in (*cards, *inner) for key in ("gateway", "dns", "search") if key in one}
    routed = "gateway" in said
    found = []
    for card in cards:
        network = networks.get(card["name"], {})
        extra: dict[str, Any] = {}
        if network.get("subnet") and "address" in card:
            prefix = str(network["subnet"]).partition("/")[2]
            extra["address"] = f"{card['address'].partition('/')[0]}/{prefix}"
            if network["gateway"] and not routed:
                extra["gateway"] = network["gateway"]
            extra |= {key: list(words) for key in ("dns", "search")
                      if key not in said and isinstance(words := network[key], tuple) and words}
        by_dhcp = card.get("dhcp") and not network.get("isolated")
        routed = routed or "gateway" in extra or bool(by_dhcp)
        found.append({**card, **extra})
    return found
