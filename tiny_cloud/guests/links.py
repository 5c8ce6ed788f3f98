"""systemd.link(5): cards get their names by MAC, for all ways but netplan, which has its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests import network
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Wish, write

FOLDER = "/etc/systemd/network"


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return tuple(network.asks(wish))


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = (*network.chosen(wish, found, "ifupdown"), *network.chosen(wish, found, "networkd"))
    named = [card for card in cards if card.mac]
    if named:
        yield MakeFolder(FOLDER)
    for card in named:
        # Type: bridges and VLANs on top of the card inherit its MAC, and must keep their names.
        yield write(f"{FOLDER}/10-tinycloud-{card.name}.link",
                    f"[Match]\nMACAddress={card.mac}\nType=ether\n\n[Link]\nName={card.name}\n")
