"""systemd's units, enabled as ``systemctl enable`` does it, as far as an offline guest needs it."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud.guests.base import Edit, Found, MakeFolder, Symlink
from tiny_cloud.guests.networking.ways import WANTS


def enabled(found: Found, unit: str) -> Iterator[Edit]:
    """Nothing if it is; ``ways.asks`` asks for the links."""
    link = f"{WANTS}/{unit}"
    if not found.kind(link):
        yield MakeFolder(WANTS)
        yield Symlink(link, f"/lib/systemd/system/{unit}")
