"""The disks of somebody else's machines: files, devices and volumes, each with a document. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from tiny_cloud.borrowed import borrowed
from tiny_cloud.document import Document
from tiny_cloud.facts import Reader
from tiny_cloud.foreign import Found, names, volumes
from tiny_cloud.layers import ENDINGS
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.libvirt_xml.elements import Element, attribute
from tiny_cloud.libvirt_xml.read import local_path
from tiny_cloud.model import Unknown
from tiny_cloud.sizes import format_size

FORMATS = ("qcow2", "raw")


@dataclass(slots=True)
class Stores:
    """Those that were found, by path: two machines that share a file share its document."""

    host: Reader
    cloud: str
    found: dict[str, Found] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    """Names of Disks and LogicalVolumes that are given away."""

    def lack(self, disk: Element) -> str:
        """Why the place of a disk cannot be declared; empty: it can."""
        if remotes.read(disk) is not None:
            return ""
        path, form = local_path(disk), attribute(disk, "driver", "type")
        if form not in FORMATS:
            return f"{path} is {form or 'of no stated format'}, and a Disk is qcow2 or raw"
        seen = borrowed(self.host, path, form)
        if seen is None:
            return f"there is no {path}"
        return seen.reason if isinstance(seen, Unknown) else ""

    def of(self, disk: Element, wish: str) -> Found:
        """The document of a disk that lacks nothing. ``wish``: what it would be called."""
        path = local_path(disk)
        if path not in self.found:
            self.found[path] = self._volume(path) or self._file(disk, wish)
        return self.found[path]

    def _volume(self, path: str) -> Found | None:
        there = self.host.volumes()
        facts = None if isinstance(there, Unknown) else there.get(path)
        if facts is None or isinstance(there, Unknown):
            return None
        return volumes.found(facts, there, self.cloud, self.taken)

    def _file(self, disk: Element, wish: str) -> Found:
        path, form = local_path(disk), attribute(disk, "driver", "type")
        facts = self.host.images({path: form})[path]
        assert not isinstance(facts, Unknown)
        name = names.valid(wish, self.taken)
        self.taken.add(name)
        spec = {"external": True, "path": path, "format": form,
                "size": format_size(facts.virtual_size)}
        return Found(Document("Disk", name, {"name": name}, spec), adopted=False)


def warm(host: Reader, disks: list[Element]) -> None:
    """Asked for all at once, what each is asked for afterwards is known already."""
    host.images({local_path(disk): form for disk in disks
                 if local_path(disk) and (form := attribute(disk, "driver", "type")) in ENDINGS})
