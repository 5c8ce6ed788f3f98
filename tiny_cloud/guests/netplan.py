"""netplan(5): one file of ours, whose definitions come before others that match the same card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from tiny_cloud.guests import network, networkd
from tiny_cloud.guests.base import Edit, Found, Wish, WriteFile

PATH = "/etc/netplan/90-tinycloud.yaml"


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("interfaces"):
        return ()
    return (*network.asks(wish), *networkd.ENABLING)


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = network.chosen(wish, found, "netplan")
    if not cards:
        return
    # 0600: netplan warns of files that others can read, for they may hold Wi-Fi passwords.
    yield WriteFile(PATH, render(cards).encode(), 0o600, 0, 0)
    yield from networkd.enabled(found)


def render(cards: Iterable[network.Interface]) -> str:
    document = {"network": definitions(cards)}
    text: str = yaml.safe_dump(document, sort_keys=False, default_flow_style=False)
    return f"# written by tinycloud\n{text}"


def definitions(cards: Iterable[network.Interface]) -> dict[str, Any]:
    """What stands below ``network``."""
    return {"version": 2, "ethernets": {_key(card): _ethernet(card) for card in cards}}


def _key(card: network.Interface) -> str:
    """A definition is free to be called anything once it matches by MAC.

    The first file in alphabetical order wins in systemd-networkd, and netplan names its files after
    definitions: "00-" sorts ours before the image's own ("all-en", which matches every en*).
    """
    return f"00-tinycloud-{card.name}" if card.mac else card.name


def _ethernet(card: network.Interface) -> dict[str, Any]:
    made: dict[str, Any] = {"renderer": "networkd"}
    if card.mac:
        made |= {"match": {"macaddress": card.mac}, "set-name": card.name}
    made["dhcp4"] = card.dhcp
    if card.address and not card.dhcp:
        made["addresses"] = [card.address]
        if card.gateway:
            # "default" instead of the zeroes is understood from netplan 0.103 on only.
            made["routes"] = [{"to": "0.0.0.0/0", "via": card.gateway}]
    servers = {"addresses": list(card.dns), "search": list(card.search)}
    if any(servers.values()):
        made["nameservers"] = {key: value for key, value in servers.items() if value}
    return made
