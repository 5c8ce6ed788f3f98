"""What all families of Linux share: their matters, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from tiny_cloud.guests import accounts, cloud_init, homes, identity, labels, ssh
from tiny_cloud.guests.base import Edit, Found, Matter, Remark, Wish, WriteFile
from tiny_cloud.guests.hostname import Hostname
from tiny_cloud.guests.hosts import Hosts
from tiny_cloud.guests.networking import (
    ifcfg,
    ifupdown,
    links,
    netplan,
    network_manager,
    networkd,
    resolv,
    wicked,
)
from tiny_cloud.guests.settings import FIRST, LAST

SHARED: tuple[Matter, ...] = (
    # Folders come before what lies in them, and passwd last of all: see accounts.edits.
    *FIRST, identity, cloud_init,
    links, ifupdown, netplan, networkd, network_manager, ifcfg, wicked, resolv,
    homes, ssh, *LAST, accounts,
)
NAMED_BY_HOSTS: tuple[Matter, ...] = (Hostname(), Hosts(own_line=True))
"""/etc/hostname has the short name, /etc/hosts says the whole (Debian reference, 5.1.1)."""
NAMED_BY_HOSTNAME: tuple[Matter, ...] = (Hostname(qualified=True), Hosts())
"""/etc/hostname has the whole name; nss-myhostname(8) answers for it."""


class System(Struct, frozen=True):
    """A family: what makes up its settings, and what its logins understand."""

    name: str
    """As the manifest's field ``system`` calls it."""
    distros: tuple[str, ...]
    """libguestfs's words, the commonest first."""
    matters: tuple[Matter, ...]
    """In the order in which they are written."""
    yescrypt: Mapping[str, int] = field(default_factory=dict)
    """From which major version on a distribution hashes passwords so by itself (libxcrypt)."""

    def crypt_method(self, found: Found) -> str:
        """The strongest that is sure to be understood; sha512 is everywhere."""
        since = self.yescrypt.get(found.distro)
        return "yescrypt" if since is not None and found.version[0] >= since else "sha512"

    def asks(self, wish: Wish, found: Found) -> frozenset[str]:
        found = self._ours(found)
        asked = (path for matter in self.matters for path in matter.asks(wish, found))
        return frozenset((*asked, *labels.asks(found)))

    def edits(self, wish: Wish, found: Found) -> tuple[Edit | Remark, ...]:
        found = self._ours(found)
        made = [edit for matter in self.matters for edit in matter.edits(wish, found)]
        gone = {edit.path for edit in made if not isinstance(edit, WriteFile | Remark)}
        # ifupdown may have rewritten a file that cloud-init's own matter removes altogether.
        kept = [edit for edit in made if not (isinstance(edit, WriteFile) and edit.path in gone)]
        return tuple(labels.labelled(kept, found))

    def _ours(self, found: Found) -> Found:
        """A system that the manifest says is one of us counts as our first distribution; its
        version says nothing of ours."""
        if found.distro in self.distros:
            return found
        return replace(found, distro=self.distros[0], version=(0, 0))
