"""SUSE's wicked: ifcfg(5), ifcfg-vlan(5), ifroute(5), ifsysctl(5); name servers by netconfig(8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, Wish, write
from tiny_cloud.guests.networking import sysconfig, ways
from tiny_cloud.guests.networking.interfaces import Interface, dns_of

FOLDER = "/etc/sysconfig/network"
CONFIG = f"{FOLDER}/config"
KINDS = ("ifcfg", "ifroute", "ifsysctl")
PROTOCOLS = {(True, True): "dhcp", (True, False): "dhcp4", (False, True): "dhcp6"}


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("interfaces"):
        return ()
    return (*ways.asks(wish), CONFIG, f"{FOLDER}/if*-*")


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = ways.chosen(wish, found, "wicked")
    if not cards:
        return
    texts = {card.name: {"ifcfg": render(card), "ifroute": routes(card), "ifsysctl": sysctls(card)}
             for card in cards}
    yield from sysconfig.files(FOLDER, texts, found, KINDS)
    servers, search = dns_of(wish)
    words = {"SERVERS": servers, "SEARCHLIST": search}
    old = text = found.text(CONFIG, "")
    for key, values in words.items():
        if values:
            text = with_word(text, f"NETCONFIG_DNS_STATIC_{key}", " ".join(values))
    if text != old:
        yield write(CONFIG, text)


def render(card: Interface) -> str:
    words = {"STARTMODE": "auto",
             "BOOTPROTO": PROTOCOLS.get((card.dhcp, card.dhcp6), "static")}
    words |= {f"IPADDR{f'_{at}' if at else ''}": text for at, text in enumerate(card.addresses)}
    words |= {"MTU": str(card.mtu)} if card.mtu is not None else {}
    words |= {"ETHERDEVICE": card.link, "VLAN_ID": str(card.vlan)} if card.vlan else {}
    return sysconfig.MARK + "".join(f"{key}='{value}'\n" for key, value in words.items())


def routes(card: Interface) -> str:
    """Destination, gateway, netmask, interface, options; empty: there are none."""
    lines = [f"default {gateway} - {card.name}" for gateway in card.gateways]
    lines += [f"{route.to} {route.via} - {card.name}"
              + (f" metric {route.metric}" if route.metric is not None else "")
              for route in card.routes]
    return "".join(f"{line}\n" for line in lines)


def sysctls(card: Interface) -> str:
    if card.accept_ra is None:
        return ""
    # With slashes, for a VLAN has a dot in its name.
    return f"net/ipv6/conf/{card.name}/accept_ra = {int(card.accept_ra)}\n"


def with_word(text: str, key: str, value: str) -> str:
    """The text of shell assignments with this one renewed in its place, or added at the end."""
    line = f'{key}="{value}"'
    made, count = re.subn(rf"(?m)^{key}=.*$", line, text)
    if count:
        return made
    return text + ("\n" if text and not text.endswith("\n") else "") + line + "\n"
