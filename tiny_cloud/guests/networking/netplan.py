"""netplan(5): one file of ours, whose definitions come before others that match the same card.

It writes for systemd-networkd, or for NetworkManager where the guest's own files say so (desktops).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from tiny_cloud.guests.base import Edit, Found, Wish, WriteFile
from tiny_cloud.guests.networking import networkd, ways
from tiny_cloud.guests.networking.interfaces import EVERYWHERE, Interface, Route, version
from tiny_cloud.guests.networking.units import enabled

PATH = "/etc/netplan/90-tinycloud.yaml"
FILES = ("/etc/netplan/*.yaml", "/usr/lib/netplan/*.yaml", "/lib/netplan/*.yaml")

_BY_NETWORK_MANAGER = re.compile(r"^\s*renderer:\s*[\"']?NetworkManager\b", re.MULTILINE)


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return (*ways.asks(wish), *FILES) if wish.settings.get("interfaces") else ()


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = ways.chosen(wish, found, "netplan")
    if not cards:
        return
    renderer = "NetworkManager" if _by_network_manager(found) else "networkd"
    # 0600: netplan warns of files that others can read, for they may hold Wi-Fi passwords.
    yield WriteFile(PATH, render(cards, renderer).encode(), 0o600, 0, 0)
    if renderer == "networkd":
        yield from enabled(found, networkd.UNIT)


def _by_network_manager(found: Found) -> bool:
    texts = (found.text(path) for path in found.files if "/netplan/" in path and path != PATH
             and path.endswith(".yaml") and found.kind(path) == "file")
    there = found.has(*ways.NETWORK_MANAGER)
    return there and any(_BY_NETWORK_MANAGER.search(text) for text in texts)


def render(cards: Iterable[Interface], renderer: str = "networkd") -> str:
    document = {"network": definitions(cards, renderer)}
    text: str = yaml.safe_dump(document, sort_keys=False, default_flow_style=False)
    return f"# written by tinycloud\n{text}"


def definitions(cards: Iterable[Interface], renderer: str = "networkd") -> dict[str, Any]:
    """What stands below ``network``."""
    known = {card.name: card for card in cards}
    ethernets = {_key(card): _ethernet(card, renderer) for card in known.values() if not card.vlan}
    vlans = {card.name: {"renderer": renderer, "id": card.vlan, "link": _key(known[card.link]),
                         **_settings(card, renderer)} for card in known.values() if card.vlan}
    return {"version": 2, "ethernets": ethernets, **({"vlans": vlans} if vlans else {})}


def _key(card: Interface) -> str:
    """A definition is free to be called anything once it matches by MAC.

    The first file in alphabetical order wins in systemd-networkd, and netplan names its files after
    definitions: "00-" sorts ours before the image's own ("all-en", which matches every en*).
    """
    return f"00-tinycloud-{card.name}" if card.mac else card.name


def _ethernet(card: Interface, renderer: str) -> dict[str, Any]:
    named = {"match": {"macaddress": card.mac}, "set-name": card.name} if card.mac else {}
    return {"renderer": renderer, **named, **_settings(card, renderer)}


def _settings(card: Interface, renderer: str) -> dict[str, Any]:
    made: dict[str, Any] = {"dhcp4": card.dhcp}
    if renderer == "networkd":
        made |= {"dhcp6": True} if card.dhcp6 else {}
        made |= {} if card.accept_ra is None else {"accept-ra": card.accept_ra}
    elif card.dhcp6 or card.accept_ra:
        # For NetworkManager netplan has one word for both (its method "auto"); of accept-ra it
        # makes nothing, and leaves IPv6 to the kernel.
        made["dhcp6"] = True
    made |= {"addresses": list(card.addresses)} if card.addresses else {}
    # "default" instead of the zeroes is understood from netplan 0.103 on only.
    ways_out = [Route(EVERYWHERE[version(gateway)], gateway) for gateway in card.gateways]
    routes = [_route(route) for route in (*ways_out, *card.routes)]
    made |= {"routes": routes} if routes else {}
    made |= {} if card.mtu is None else {"mtu": card.mtu}
    servers = {"addresses": list(card.dns), "search": list(card.search)}
    if any(servers.values()):
        made["nameservers"] = {key: value for key, value in servers.items() if value}
    return made


def _route(route: Route) -> dict[str, Any]:
    metric = {} if route.metric is None else {"metric": route.metric}
    return {"to": route.to, "via": route.via, **metric}
