"""hosts(5): all lines and comments stay; a block has further ones, and a line of its own may name
the machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.guests import hostname
from tiny_cloud.guests.base import Edit, Found, Wish, with_block, write

PATH = "/etc/hosts"
OWN = "127.0.1.1"
"""Debian's address for the machine's own name (Debian reference, 5.1.1)."""

EMPTY = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


class Hosts(Struct, frozen=True):
    """The matter."""

    own_line: bool = False
    """Whether the machine's own name belongs into it; one that is there is renamed anyway."""

    def asks(self, wish: Wish, found: Found) -> Iterable[str]:
        wanted = wish.settings.get("hostname") or _block(wish) is not None
        return (PATH, hostname.PATH) if wanted else ()

    def edits(self, wish: Wish, found: Found) -> Iterator[Edit]:
        if not self.asks(wish, found):
            return
        old = found.text(PATH, "")
        text = before = old or EMPTY
        name = wish.settings.get("hostname")
        if name and name != "localhost" and (self.own_line or has_own_line(text)):
            text = named(text, name, hostname.current(found))
        hosts = _block(wish)
        if hosts is not None:
            text = with_block(text, map(line, hosts))
        if text != before:
            yield write(PATH, text)


def has_own_line(text: str) -> bool:
    return any(line.split()[:1] == [OWN] for line in text.split("\n"))


def _block(wish: Wish) -> Sequence[Mapping[str, Any]] | None:
    """What our block is to hold: nothing any more once it was declared; None: it is not ours."""
    hosts: Sequence[Mapping[str, Any]] | None = wish.settings.get("hosts")
    return () if hosts is None and wish.before.get("hosts") else hosts


def named(text: str, name: str, before: str) -> str:
    """The text with our own names on the line of 127.0.1.1; aliases and comments there stay."""
    short = name.partition(".")[0]
    ours = [name] if name == short else [name, short]
    lines = text.split("\n")
    for number, line in enumerate(lines):
        body, hash_sign, comment = line.partition("#")
        words = body.split()
        if words[:1] == [OWN]:
            aliases = [word for word in words[1:] if word not in ours and not _is(word, before)]
            tail = f"\t{hash_sign}{comment}" if hash_sign else ""
            if words[1:1 + len(ours)] != ours or aliases != words[1 + len(ours):]:
                lines[number] = f"{OWN}\t{' '.join((*ours, *aliases))}{tail}"
            return "\n".join(lines)
    localhost = [number for number, line in enumerate(lines) if line.split()[:1] == ["127.0.0.1"]]
    lines.insert(localhost[-1] + 1 if localhost else 0, f"{OWN}\t{' '.join(ours)}")
    return "\n".join(lines)


def _is(word: str, name: str) -> bool:
    short = name.partition(".")[0]
    return bool(short) and (word == short or word.startswith(f"{short}."))


def line(host: Mapping[str, Any]) -> str:
    try:
        address = ip_address(host["address"])
    except ValueError:
        raise Failure(f"{host['address']!r} in hosts is no IP address") from None
    names = host["names"]
    if not names or any(not name.isascii() or any(c.isspace() or c == "#" for c in name)
                        for name in names):
        raise Failure(f"the names of {address} in hosts must be one or more plain host names")
    return f"{address}\t{' '.join(names)}"
