"""hostname(5): the short name; the qualified one goes into /etc/hosts, see Debian's hostname(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, Wish, write

PATH = "/etc/hostname"


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return (PATH,) if wish.settings.get("hostname") else ()


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    hostname = wish.settings.get("hostname")
    if hostname:
        text = hostname.partition(".")[0] + "\n"
        if found.text(PATH, "") != text:
            yield write(PATH, text)


def current(found: Found) -> str:
    """The name before; empty: none, or a file of comments."""
    lines = (line.strip() for line in found.text(PATH, "").split("\n"))
    return next((line for line in lines if line and not line.startswith("#")), "")
