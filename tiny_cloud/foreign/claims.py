"""What only one machine of a cloud can have (see ``conflicts``), and who has it. Pure.

libvirt lets two definitions name one disk, one MAC or one port, as long as they do not run at the
same time; a cloud does not. The first that is imported has it declared.
"""

from __future__ import annotations

from msgspec import Struct, field

from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.libvirt_xml.read import place

DISK, SHARED, MAC, PORT = "disk", "disk that is shared", "MAC", "port"


class Claims(Struct):
    machine: str = ""
    """The domain that is imported now."""
    held: dict[tuple[str, str], str] = field(default_factory=dict)
    """By kind and name, the domain that had it first."""

    def disk(self, disk: Element) -> str:
        """Why it cannot be declared; empty: it can, and is this machine's from now on."""
        shared = disk.find("shareable") is not None or disk.find("readonly") is not None
        name, others = place(disk), (DISK,) if shared else (DISK, SHARED)
        why = next(filter(None, (self._other(kind, name) for kind in others)), "")
        if not why:
            self.held.setdefault((SHARED if shared else DISK, name), self.machine)
        return why

    def take(self, kind: str, name: str) -> str:
        """The same for anything else."""
        self.held.setdefault((kind, name), self.machine)
        return self._other(kind, name)

    def _other(self, kind: str, name: str) -> str:
        holder = self.held.get((kind, name), self.machine)
        return "" if holder == self.machine else f"{holder} has this {kind} as well"
