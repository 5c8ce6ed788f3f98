"""systemd.network(5), for images with neither netplan nor ifupdown; and its unit, enabled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests import links, network
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Symlink, Wish, write

WANTS = "/etc/systemd/system/multi-user.target.wants"
UNIT = f"{WANTS}/systemd-networkd.service"
ENABLING = (WANTS, UNIT)


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return (*network.asks(wish), *ENABLING) if wish.settings.get("interfaces") else ()


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = network.chosen(wish, found, "networkd")
    if not cards:
        return
    yield MakeFolder(links.FOLDER)
    for card in cards:
        yield write(f"{links.FOLDER}/10-tinycloud-{card.name}.network", render(card))
    yield from enabled(found)


def enabled(found: Found) -> Iterator[Edit]:
    """What ``systemctl enable systemd-networkd`` does, as far as an offline guest needs it."""
    if not found.kind(UNIT):
        yield MakeFolder(WANTS)
        yield Symlink(UNIT, "/lib/systemd/system/systemd-networkd.service")


def render(card: network.Interface) -> str:
    match = f"MACAddress={card.mac}\nType=ether" if card.mac else f"Name={card.name}"
    lines = ["[Match]", match, "", "[Network]"]
    if card.dhcp:
        lines.append("DHCP=ipv4")
    elif card.address:
        lines.append(f"Address={card.address}")
        lines += [f"Gateway={card.gateway}"] if card.gateway else []
    lines += [f"DNS={server}" for server in card.dns]
    lines += [f"Domains={' '.join(card.search)}"] if card.search else []
    return "\n".join((*lines, ""))
