"""NetworkManager: nm-settings-keyfile(5), nm-settings-nmcli(5), NetworkManager.conf(5)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, MakeFolder, Wish, WriteFile, write
from tiny_cloud.guests.networking import ways
from tiny_cloud.guests.networking.interfaces import Interface
from tiny_cloud.guests.networking.units import enabled

FOLDER = "/etc/NetworkManager"
CONNECTIONS = f"{FOLDER}/system-connections"
CONFIG = f"{FOLDER}/conf.d/90-tinycloud.conf"
UNIT = "NetworkManager.service"
FIRST = 100
"""Connections of the image for the same card have priority 0, or -999 where made by default."""
NAMESPACE = uuid.UUID("5ac7b7ab-5ac3-4f8d-8b3c-6f4c3f1f7d0e")
"""Ours, of no meaning; a connection's UUID follows from its card."""


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("interfaces"):
        return ()
    return (*ways.asks(wish), CONFIG, f"{CONNECTIONS}/tinycloud-*")


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    cards = ways.chosen(wish, found, "networkmanager")
    if not cards:
        return
    yield MakeFolder(FOLDER)
    yield MakeFolder(f"{FOLDER}/conf.d")
    yield MakeFolder(CONNECTIONS, 0o700)
    macs = ";".join(card.mac for card in cards if card.mac)
    if macs:
        # Or each card without a lease would get a "Wired connection" of NetworkManager's own.
        yield write(CONFIG, f"[main]\nno-auto-default+={macs}\n")
    yield from ways.stale(found, f"{CONNECTIONS}/tinycloud-", {card.name for card in cards})
    for card in cards:
        # Any other mode or owner, and NetworkManager ignores the file (nm-settings-keyfile(5)).
        yield WriteFile(f"{CONNECTIONS}/tinycloud-{card.name}.nmconnection",
                        render(card).encode(), 0o600, 0, 0)
    yield from enabled(found, UNIT)


def render(card: Interface) -> str:
    identity = uuid.uuid5(NAMESPACE, f"{card.link or card.mac} {card.name}")
    named = [] if card.mac else [f"interface-name={card.name}"]
    lines = ["[connection]", f"id=tinycloud {card.name}", f"uuid={identity}",
             f"type={'vlan' if card.vlan else 'ethernet'}", *named,
             f"autoconnect-priority={FIRST}", ""]
    ethernet = [f"mac-address={card.mac.upper()}"] if card.mac else []
    ethernet += [f"mtu={card.mtu}"] if card.mtu is not None else []
    lines += ["[ethernet]", *ethernet, ""] if ethernet else []
    if card.vlan:
        # flags: 1 is the kernel's own REORDER_HEADERS, what nmcli writes.
        lines += ["[vlan]", "flags=1", f"id={card.vlan}", f"parent={card.link}", ""]
    lines += ["[ipv4]", *_family(card, 4), "", "[ipv6]", *_family(card, 6), ""]
    return "\n".join(lines)


def _family(card: Interface, family: int) -> list[str]:
    lines = [f"method={_method4(card) if family == 4 else _method6(card)}"]
    lines += [f"address{at}={text}" for at, text in enumerate(card.of(family), 1)]
    lines += [f"gateway={card.gateway(family)}"] if card.gateway(family) else []
    routes = [route for route in card.routes if route.version == family]
    lines += [f"route{at}={route.to},{route.via}"
              + (f",{route.metric}" if route.metric is not None else "")
              for at, route in enumerate(routes, 1)]
    servers = card.servers(family)
    lines += [f"dns={''.join(f'{server};' for server in servers)}"] if servers else []
    # Search domains hold for both; a family that is off takes none.
    if card.search and (family == 4) == (_method4(card) != "disabled"):
        lines.append(f"dns-search={''.join(f'{domain};' for domain in card.search)}")
    return lines


def _method4(card: Interface) -> str:
    return "auto" if card.dhcp else "manual" if card.of(4) else "disabled"


def _method6(card: Interface) -> str:
    """``auto`` takes what routers say, DHCPv6 included; static addresses go beside it."""
    if card.dhcp6:
        return "dhcp" if card.accept_ra is False else "auto"
    if card.of(6):
        return "auto" if card.accept_ra else "manual"
    return "link-local" if card.accept_ra is False else "auto"
