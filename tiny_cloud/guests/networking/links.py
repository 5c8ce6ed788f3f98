"""Cards get their names by MAC: systemd.link(5) where udev is, mactab(5) of nameif where mdev is.

netplan and Red Hat's network scripts (HWADDR) have ways of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remark, Wish, with_block, write
from tiny_cloud.guests.networking import ways
from tiny_cloud.guests.networking.interfaces import interfaces

FOLDER = "/etc/systemd/network"
WAYS = ("ifupdown", "networkd", "networkmanager", "wicked")
UDEV = ("/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd")
MDEV = "/etc/mdev.conf"
MACTAB = "/etc/mactab"


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("interfaces"):
        return ()
    return (*ways.asks(wish), *UDEV, MDEV, MACTAB, f"{FOLDER}/10-tinycloud-*")


def edits(wish: Wish, found: Found) -> Iterator[Edit | Remark]:
    cards = [card for name in WAYS for card in ways.chosen(wish, found, name) if card.mac]
    if not cards:
        return
    if found.kind(MDEV) == "file" and not found.has(*UDEV):
        yield from _by_nameif({card.name: card.mac for card in cards}, found)
        return
    names = {card.name for card in interfaces(wish.settings)}
    yield from ways.stale(found, f"{FOLDER}/10-tinycloud-", names)
    yield MakeFolder(FOLDER)
    for card in cards:
        # Type: bridges and VLANs on top of the card inherit its MAC, and must keep their names.
        yield write(f"{FOLDER}/10-tinycloud-{card.name}.link",
                    f"[Match]\nMACAddress={card.mac}\nType=ether\n\n[Link]\nName={card.name}\n")


def _by_nameif(names: dict[str, str], found: Found) -> Iterator[Edit | Remark]:
    """mdev calls nameif for each card that appears (Alpine's mdev.conf)."""
    if "nameif" not in found.text(MDEV):
        yield Remark(f"the guest's {MDEV} calls no nameif: its cards keep the kernel's names, in "
                     "the order in which they are found")
    old = found.text(MACTAB, "")
    new = with_block(old, [f"{name} {mac}" for name, mac in names.items()])
    if new != old:
        yield write(MACTAB, new)
