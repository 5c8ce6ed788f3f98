"""Debian and Ubuntu: which matters make up the system, and in which order they are written."""

from __future__ import annotations

from tiny_cloud.guests import (
    accounts,
    cloud_init,
    homes,
    hostname,
    hosts,
    identity,
    ifupdown,
    links,
    netplan,
    networkd,
    resolv,
    ssh,
)
from tiny_cloud.guests.base import Edit, Found, Matter, Remark, Wish, WriteFile, Writer
from tiny_cloud.guests.settings import FIRST, LAST

MATTERS: tuple[Matter, ...] = (
    # Folders come before what lies in them, and passwd last of all: see accounts.edits.
    *FIRST, identity, hostname, hosts, cloud_init, links, ifupdown, netplan, networkd, resolv,
    homes, ssh, *LAST, accounts,
)


class Debian:
    """Debian, Ubuntu and what is built like them."""

    distros = ("debian", "ubuntu", "raspbian")

    def crypt_method(self, found: Found) -> str:
        """PAM of Debian 11 and Ubuntu 22.04 on hashes with yescrypt itself (libxcrypt)."""
        since = {"debian": 11, "ubuntu": 22}.get(found.distro)
        return "yescrypt" if since is not None and found.version[0] >= since else "sha512"

    def asks(self, wish: Wish, found: Found) -> frozenset[str]:
        return frozenset(path for matter in MATTERS for path in matter.asks(wish, found))

    def edits(self, wish: Wish, found: Found) -> tuple[Edit | Remark, ...]:
        made = [edit for matter in MATTERS for edit in matter.edits(wish, found)]
        gone = {edit.path for edit in made if not isinstance(edit, WriteFile | Remark)}
        # ifupdown may have rewritten a file that cloud-init's own matter removes altogether.
        return tuple(edit for edit in made
                     if not (isinstance(edit, WriteFile) and edit.path in gone))


writer: Writer = Debian()
