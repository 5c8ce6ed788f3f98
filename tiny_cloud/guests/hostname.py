"""hostname(5): the short name where /etc/hosts has the whole one, else the whole name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, Wish, write

PATH = "/etc/hostname"
SYSCONFIG = "/etc/sysconfig/network"
"""Where Red Hat's systems had it before systemd."""
SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")


class Hostname(Struct, frozen=True):
    """The matter."""

    qualified: bool = False

    def asks(self, wish: Wish, found: Found) -> Iterable[str]:
        return (PATH, SYSCONFIG, *SYSTEMD) if wish.settings.get("hostname") else ()

    def edits(self, wish: Wish, found: Found) -> Iterator[Edit]:
        name = wish.settings.get("hostname")
        if not name:
            return
        if found.kind(SYSCONFIG) == "file" and not found.has(*SYSTEMD):
            raise Failure(f"the guest keeps its name in {SYSCONFIG}, as systems before systemd do",
                          hint="RHEL 6 and CentOS 6 are not supported; leave hostname out")
        text = (name if self.qualified else name.partition(".")[0]) + "\n"
        if found.text(PATH, "") != text:
            yield write(PATH, text)


def current(found: Found) -> str:
    """The name before; empty: none, or a file of comments."""
    lines = (line.strip() for line in found.text(PATH, "").split("\n"))
    return next((line for line in lines if line and not line.startswith("#")), "")
