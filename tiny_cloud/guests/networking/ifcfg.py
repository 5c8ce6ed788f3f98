"""Red Hat's network scripts (RHEL and CentOS 7): ifcfg, route and route6 files.

The words are those of sysconfig.txt of the package initscripts, and of nm-settings-ifcfg-rh(5);
the scripts and NetworkManager read the same files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, Wish
from tiny_cloud.guests.networking import sysconfig, ways
from tiny_cloud.guests.networking.interfaces import Interface

FOLDER = ways.NETWORK_SCRIPTS
KINDS = ("ifcfg", "route", "route6")


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("interfaces"):
        return ()
    return (*ways.asks(wish), f"{FOLDER}/ifcfg-*", f"{FOLDER}/route*")


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = ways.chosen(wish, found, "ifcfg")
    texts = {card.name: {"ifcfg": render(card), "route": routes(card, 4), "route6": routes(card, 6)}
             for card in cards}
    if cards:
        yield from sysconfig.files(FOLDER, texts, found, KINDS)


def render(card: Interface) -> str:
    """Raises Failure for a VLAN's name that the scripts cannot make."""
    words = {"DEVICE": card.name, "NAME": card.name, "ONBOOT": "yes",
             "BOOTPROTO": "dhcp" if card.dhcp else "none"}
    words |= _vlan(card) if card.vlan else {"TYPE": "Ethernet"}
    if card.mac:
        # The card with this address gets the name of DEVICE (rename_device(8) of initscripts).
        words["HWADDR"] = card.mac.upper()
    for at, address in enumerate(card.of(4)):
        ending = str(at) if at else ""
        words[f"IPADDR{ending}"], _, words[f"PREFIX{ending}"] = address.partition("/")
    words |= {"GATEWAY": card.gateway(4)} if card.gateway(4) else {}
    words |= _ipv6(card)
    words |= {f"DNS{at}": server for at, server in enumerate(card.dns, 1)}
    words |= {"DOMAIN": " ".join(card.search)} if card.search else {}
    words |= {"MTU": str(card.mtu)} if card.mtu is not None else {}
    lines = [f'{key}="{value}"' if " " in value else f"{key}={value}"
             for key, value in words.items()]
    return sysconfig.MARK + "\n".join((*lines, ""))


def _vlan(card: Interface) -> dict[str, str]:
    if card.name not in (f"{card.link}.{card.vlan}", f"vlan{card.vlan}"):
        raise Failure(f"interface {card.name}: the guest's network scripts make no VLAN {card.vlan}"
                      f" of that name", hint=f"call it {card.link}.{card.vlan}")
    return {"VLAN": "yes", "PHYSDEV": card.link, "VLAN_ID": str(card.vlan)}


def _ipv6(card: Interface) -> dict[str, str]:
    first, *others = card.of(6) or ("",)
    if not (first or card.dhcp6 or card.accept_ra is not None):
        return {}
    # With an address of its own a card is left to it, unless the manifest says otherwise.
    words = {"IPV6INIT": "yes", "IPV6_AUTOCONF": "yes" if card.accept_ra else "no"}
    words |= {"IPV6ADDR": first} if first else {}
    words |= {"IPV6ADDR_SECONDARIES": " ".join(others)} if others else {}
    words |= {"IPV6_DEFAULTGW": card.gateway(6)} if card.gateway(6) else {}
    return words | ({"DHCPV6C": "yes"} if card.dhcp6 else {})


def routes(card: Interface, family: int) -> str:
    """As arguments of ``ip route add``; empty: there are none."""
    return "".join(
        f"{route.to} via {route.via} dev {card.name}"
        + (f" metric {route.metric}" if route.metric is not None else "") + "\n"
        for route in card.routes if route.version == family)
