"""systemd.network(5) and systemd.netdev(5), for images with nothing that writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, MakeFolder, Wish, write
from tiny_cloud.guests.networking import links, ways
from tiny_cloud.guests.networking.interfaces import Interface
from tiny_cloud.guests.networking.units import enabled

UNIT = "systemd-networkd.service"
DHCP = {(True, True): ["DHCP=yes"], (True, False): ["DHCP=ipv4"], (False, True): ["DHCP=ipv6"]}


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return links.asks(wish, found)


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = ways.chosen(wish, found, "networkd")
    if not cards:
        return
    yield MakeFolder(links.FOLDER)
    for card in cards:
        vlans = [one.name for one in cards if one.link == card.name]
        stem = f"{links.FOLDER}/10-tinycloud-{card.name}"
        yield write(f"{stem}.network", render(card, vlans))
        if card.vlan:
            yield write(f"{stem}.netdev", netdev(card))
    yield from enabled(found, UNIT)


def netdev(card: Interface) -> str:
    return f"[NetDev]\nName={card.name}\nKind=vlan\n\n[VLAN]\nId={card.vlan}\n"


def render(card: Interface, vlans: Iterable[str] = ()) -> str:
    """``vlans``: names of those on the card."""
    match = f"MACAddress={card.mac}\nType=ether" if card.mac else f"Name={card.name}"
    lines = ["[Match]", match, ""]
    if card.mtu is not None:
        lines += ["[Link]", f"MTUBytes={card.mtu}", ""]
    lines += ["[Network]", *DHCP.get((card.dhcp, card.dhcp6), [])]
    if card.accept_ra is not None:
        lines.append(f"IPv6AcceptRA={'yes' if card.accept_ra else 'no'}")
    lines += [f"Address={address}" for address in card.addresses]
    lines += [f"Gateway={gateway}" for gateway in card.gateways]
    lines += [f"DNS={server}" for server in card.dns]
    lines += [f"Domains={' '.join(card.search)}"] if card.search else []
    lines += [f"VLAN={name}" for name in vlans]
    for route in card.routes:
        lines += ["", "[Route]", f"Destination={route.to}", f"Gateway={route.via}"]
        lines += [f"Metric={route.metric}"] if route.metric is not None else []
    if card.dhcp6 and card.accept_ra is False:
        # Without it the client waits for a router's word to begin (systemd.network(5)).
        lines += ["", "[DHCPv6]", "WithoutRA=solicit"]
    return "\n".join((*lines, ""))
