"""What a guest's card can reach by itself: routers lie in one of its networks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import Any

Path = tuple[str | int, ...]
Fault = tuple[Path, str, str]
"""Below the card; what is wrong; what to write instead."""


def faults(card: Mapping[str, Any], subnet: str = "") -> Iterator[Fault]:
    """Of a card and the VLANs on it. ``subnet``: of the declared Network that it is plugged into.

    What is no address at all is the schema's business.
    """
    yield from _doubled(card)
    yield from _unreached(card, subnet)
    for at, vlan in enumerate(card.get("vlans", ())):
        for path, summary, hint in (*_doubled(vlan), *_unreached(vlan, "")):
            yield ("vlans", at, *path), summary, hint


def names(cards: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """VLANs that are called like a card or another VLAN; paths begin with the card's number."""
    taken = {card["name"] for card in cards}
    for at, card in enumerate(cards):
        for place, vlan in enumerate(card.get("vlans", ())):
            if vlan["name"] in taken:
                yield ((at, "vlans", place, "name"),
                       f"{vlan['name']} is the name of another interface",
                       f"write {card['name']}.{vlan['id']}")
            taken.add(vlan["name"])


def _doubled(card: Mapping[str, Any]) -> Iterator[Fault]:
    """Not every way can do both on one card."""
    there = {ip_interface(text).version for text in card.get("addresses", ())}
    for version, key, word in ((4, "dhcp", "DHCP"), (6, "dhcp6", "DHCPv6")):
        if card.get(key) and version in there:
            yield ((key,), f"{card['name']} has either static IPv{version} addresses or {word}",
                   f"remove {key}, or these addresses")


def _unreached(card: Mapping[str, Any], subnet: str) -> Iterator[Fault]:
    texts = (card.get("address", ""), *card.get("addresses", ()))
    nets = {ip_interface(text).network for text in texts if "/" in text}
    nets |= {ip_network(subnet)} if subnet else set()
    for path, text in _routers(card):
        router = ip_address(text)
        own = [net for net in nets if net.version == router.version]
        # Without an address of its own it has one by DHCP, or of a router, that nobody knows yet.
        if own and not _is_near(router) and not any(router in net for net in own):
            there = " or ".join(sorted(map(str, own)))
            yield (path, f"the router {text} is not in {there}, so that {card['name']} cannot "
                   "reach it", "write one that is")
    for at, route in enumerate(card.get("routes", ())):
        if ip_network(route["to"]).version != ip_address(route["via"]).version:
            yield (("routes", at, "via"),
                   f"{route['via']} cannot lead to {route['to']}: one is IPv4, the other IPv6",
                   "write a router of the same kind")


def _routers(card: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for key in ("gateway", "gateway6"):
        if key in card:
            yield (key,), card[key]
    for at, route in enumerate(card.get("routes", ())):
        yield ("routes", at, "via"), route["via"]


def _is_near(router: IPv4Address | IPv6Address) -> bool:
    """A router's own address on a link, which needs none of ours there (RFC 4291, 2.5.6)."""
    return router.version == 6 and router.is_link_local
