"""The disks of somebody else's machines: files, devices and volumes, each with a document. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from tiny_cloud.borrowed import borrowed
from tiny_cloud.document import Document
from tiny_cloud.facts import Reader
from tiny_cloud.foreign import Found, names, volumes
from tiny_cloud.foreign.claims import Claims
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.libvirt_xml.elements import Element, attribute
from tiny_cloud.libvirt_xml.read import local_path
from tiny_cloud.model import Unknown
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import format_size

FORMATS = ("qcow2", "raw")
KINDS = ("disk", "logicalvolume")


class Stores(Struct):
    """By path those that have a document: two machines that share a file share that."""

    host: Reader
    cloud: str
    known: dict[str, str] = field(default_factory=dict)
    """The document's name."""
    taken: set[str] = field(default_factory=set)
    claims: Claims = field(default_factory=Claims)

    @classmethod
    def of(cls, host: Reader, cloud: str, declared: Iterable[Resource]) -> Stores:
        known = {str(item.provides()["path"]): item.address.name for item in declared
                 if item.address.kind in KINDS}
        return cls(host, cloud, known, set(known.values()))

    def warm(self, disks: Iterable[Element]) -> None:
        """All are asked for at once, so that what each is asked for afterwards is known."""
        self.host.images({local_path(disk): form for disk in disks
                          if (form := _format(disk)) in FORMATS and local_path(disk)})

    def lack(self, disk: Element) -> str:
        """Why the place of a disk cannot be declared; empty: it can."""
        return self._unusable(disk) or self.claims.disk(disk)

    def _unusable(self, disk: Element) -> str:
        path, form = local_path(disk), _format(disk)
        if remotes.read(disk) is not None or path in self.known:
            return ""
        if form not in FORMATS:
            return f"{path} is {form or 'of no stated format'}, and a Disk is qcow2 or raw"
        seen = borrowed(self.host, path, form)
        if seen is None:
            return f"there is no {path}"
        return seen.reason if isinstance(seen, Unknown) else ""

    def name(self, disk: Element, wish: str) -> tuple[str, tuple[Found, ...]]:
        """Of a disk that lacks nothing, and its document if it is a new one."""
        path = local_path(disk)
        if path in self.known:
            return self.known[path], ()
        there = self.host.volumes()
        facts = None if isinstance(there, Unknown) else there.get(path)
        if facts is not None and not isinstance(there, Unknown):
            new = volumes.found(facts, there, self.cloud, self.taken)
        else:
            new = self.file(path, _format(disk), wish)
        self.known[path] = new.document.name
        return new.document.name, (new,)

    def file(self, path: str, form: str, wish: str, kind: str = "Disk") -> Found:
        """An external Disk, or Image, of a file or device that is there."""
        name = names.valid(wish, self.taken)
        self.taken.add(name)
        spec = {"external": True, "path": path, "format": form}
        if kind == "Disk":
            facts = self.host.images({path: form})[path]
            assert not isinstance(facts, Unknown)
            spec["size"] = format_size(facts.virtual_size)
        return Found(Document(kind, name, {"name": name}, spec), adopted=False)


def _format(disk: Element) -> str:
    return attribute(disk, "driver", "type")
