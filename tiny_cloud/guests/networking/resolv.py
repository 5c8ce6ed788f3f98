"""resolv.conf(5), where nothing in the guest writes it from the interfaces' own settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, Symlink, Wish, write
from tiny_cloud.guests.networking import ways
from tiny_cloud.guests.networking.interfaces import dns_of

PATH = "/etc/resolv.conf"
STUB = "../run/systemd/resolve/stub-resolv.conf"
RESOLVED = ("/usr/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved")
RESOLVCONF = ("/usr/sbin/resolvconf", "/sbin/resolvconf")
"""Debian's resolvconf or openresolv, which take ifupdown's dns-nameservers."""
BY_THEMSELVES = ("networkmanager", "wicked", "ifcfg")
"""Ways that write it from what they are told."""

_OURS = ("nameserver", "search", "domain")


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("interfaces"):
        return ()
    return (*ways.asks(wish), PATH, *RESOLVED, *RESOLVCONF)


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    if not wish.settings.get("interfaces"):
        return
    way = ways.way(found)
    by_resolved = way in ("netplan", "networkd") and found.has(*RESOLVED)
    if by_resolved and not found.kind(PATH):
        yield Symlink(PATH, STUB)
        return
    if way in BY_THEMSELVES:
        return
    servers, search = dns_of(wish)
    # A symlink says who writes the file: systemd-resolved, resolvconf, NetworkManager.
    if not servers or found.has(*RESOLVCONF) or found.kind(PATH) not in ("", "file"):
        return
    old = found.text(PATH, "")
    new = render(old, servers, search)
    if new != old:
        yield write(PATH, new)


def render(old: str, servers: Iterable[str], search: Iterable[str]) -> str:
    """Options and comments of the old text stay; servers and search domains are ours."""
    domains = " ".join(search)
    ours = [f"nameserver {server}" for server in servers]
    ours += [f"search {domains}"] if domains else []
    kept = [line for line in old.split("\n") if line.split()[:1] not in [[word] for word in _OURS]]
    return "\n".join((*ours, *(kept if old else [""])))
