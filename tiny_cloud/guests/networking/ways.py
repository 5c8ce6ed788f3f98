"""Which of the ways that a guest has configures its network: by what is found inside, no name."""

from __future__ import annotations

from collections.abc import Container, Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Found, Remove, Wish
from tiny_cloud.guests.networking.interfaces import Interface, interfaces

NETPLAN = ("/usr/sbin/netplan", "/sbin/netplan", "/usr/bin/netplan")
IFUPDOWN = ("/usr/sbin/ifup", "/sbin/ifup")
NETWORKD = ("/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd")
NETWORK_MANAGER = ("/usr/sbin/NetworkManager", "/usr/bin/NetworkManager")
WICKED = ("/usr/sbin/wicked", "/sbin/wicked")
NETWORK_SCRIPTS = "/etc/sysconfig/network-scripts"
"""Of Red Hat's systems; their ifup is another than ifupdown's."""
IFUP_ETH = f"{NETWORK_SCRIPTS}/ifup-eth"
"""The scripts themselves (RHEL 7, or the package network-scripts)."""
NETWORK_SERVICE = "/etc/systemd/system/network.service"
"""SUSE's link to whichever of wicked and NetworkManager is on."""
WANTS = "/etc/systemd/system/multi-user.target.wants"
NETWORKD_ON = f"{WANTS}/systemd-networkd.service"
NETWORK_MANAGER_ON = f"{WANTS}/NetworkManager.service"

_LOOKED_FOR = (*NETPLAN, "/etc/netplan", *IFUPDOWN, *NETWORKD, *NETWORK_MANAGER, *WICKED,
               NETWORK_SCRIPTS, IFUP_ETH, NETWORK_SERVICE, WANTS, NETWORKD_ON, NETWORK_MANAGER_ON)


def asks(wish: Wish) -> Iterator[str]:
    """What decides between them."""
    if wish.settings.get("interfaces"):
        yield from _LOOKED_FOR


def way(found: Found) -> str:
    """netplan, wicked, ifcfg, ifupdown, networkmanager or networkd: whichever the image uses, and
    what writes for another before that other.

    Raises Failure if it has none.
    """
    if found.has(*NETPLAN) and found.kind("/etc/netplan") == "folder":
        return "netplan"
    if found.has(*WICKED) and not _leads_to(found, "NetworkManager.service"):
        return "wicked"
    if found.has(IFUP_ETH):
        return "ifcfg"
    if found.has(*IFUPDOWN) and not found.has(*WICKED) and not found.kind(NETWORK_SCRIPTS):
        return "ifupdown"
    other = found.kind(NETWORKD_ON) and not found.kind(NETWORK_MANAGER_ON)
    if found.has(*NETWORK_MANAGER) and not other:
        return "networkmanager"
    if found.has(*NETWORKD):
        return "networkd"
    raise Failure(
        "the guest has nothing that could configure its network",
        hint="install netplan.io, ifupdown, NetworkManager or systemd-networkd in the image; "
             f"looked for {', '.join(names[0] for names in _PROGRAMS)}",
    )


_PROGRAMS = (NETPLAN, WICKED, (IFUP_ETH,), IFUPDOWN, NETWORK_MANAGER, NETWORKD)


def _leads_to(found: Found, unit: str) -> bool:
    file = found.files.get(NETWORK_SERVICE)
    return file is not None and file.target.endswith(f"/{unit}")


def chosen(wish: Wish, found: Found, which: str) -> tuple[Interface, ...]:
    """The declared interfaces if this is the guest's way, else none."""
    if not wish.settings.get("interfaces") or way(found) != which:
        return ()
    return interfaces(wish.settings)


def stale(found: Found, prefix: str, names: Container[str]) -> Iterator[Remove]:
    """Files of ours, ``PREFIXcard.ending``, for interfaces that are declared no more."""
    for path in sorted(path for path in found.files if path.startswith(prefix)):
        if path.removeprefix(prefix).rpartition(".")[0] not in names:
            yield Remove(path)
