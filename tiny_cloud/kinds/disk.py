"""Disk: a file, an overlay of an image or blank."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Self

from tiny_cloud.borrowed import borrowed
from tiny_cloud.facts import FileFacts, ImageFacts, Reader
from tiny_cloud.model import Action, Address, Change, Observed, Ownership, Unknown, Value
from tiny_cloud.naming import forget, ownership, record_of, unsettled, was
from tiny_cloud.resource import Resource, declared_of, policy_of
from tiny_cloud.sizes import format_size
from tiny_cloud.snapshots import standing
from tiny_cloud.steps import (
    BlockResize,
    CreateDisk,
    MakeFolder,
    Publish,
    Remove,
    Rename,
    Run,
    Stamp,
    Step,
    Trash,
)

FORMATS = ("qcow2", "raw")


class Disk(Resource):
    KIND = "Disk"
    IS_DATA = True
    RENAMES = True
    MOVES = True

    @property
    def format(self) -> str:
        return str(self.spec.get("format", "qcow2"))

    def path_as(self, form: str) -> str:
        return self.context.cloud.path("disks", f"{self.address.name}.{form}")

    @property
    def path(self) -> str:
        return str(self.spec["path"]) if self.external else self.path_as(self.format)

    def _names(self) -> tuple[str, ...]:
        return tuple(self.path_as(form) for form in FORMATS)

    def _former_names(self) -> tuple[str, ...]:
        before = was(self)
        return before._names() if before else ()

    def provides(self) -> Mapping[str, Value]:
        if self.external:
            names = {"names": (self.path,), "former_names": ()}
            return {"path": self.path, "format": self.format, **names}
        base = self.links["image"].provides() if "image" in self.links else {}
        return {
            "path": self.path,
            "format": self.format,
            "backing": base.get("path", ""),
            "backing_format": base.get("format", ""),
            "names": self._names(),
            "former_names": self._former_names(),
        }

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        owned = [item for item in wanted if not item.external]
        paths = [path for item in owned for path in (*item._names(), *item._former_names())]
        files = host.files([*paths, *(f"{path}.part" for path in paths)])
        there = {p: p.rpartition(".")[2] for p in paths if isinstance(files.get(p), FileFacts)}
        images = host.images(there)
        found: dict[Address, Observed | Unknown] = {}
        for item in wanted:
            path, form = item.path, item.format
            seen = borrowed(host, path, form) if item.external else item._look(host, files, images)
            if seen is not None:
                found[item.address] = seen
        return found

    def _look(
        self,
        host: Reader,
        files: Mapping[str, FileFacts | Unknown],
        images: Mapping[str, ImageFacts | Unknown],
    ) -> Observed | Unknown | None:
        paths = [*self._names(), *self._former_names()]
        parts = tuple(part for path in paths if (part := f"{path}.part") in files)
        uses = {path: host.disk_users().get(path) for path in paths}
        for path in paths:
            facts, info, use = files.get(path), images.get(path), uses[path]
            if isinstance(facts, Unknown):
                return facts
            if isinstance(info, Unknown):
                return info
            if use is not None and use.base:
                return Unknown(f"{path} has become the base of another disk of {use.domain}")
            if use is not None and (missing := standing.missing(host, use)):
                return missing
            if facts is not None and info is not None:
                seen = self._observe(host, facts, info, parts)
                if path in self._names() or seen.ownership is not Ownership.FOREIGN:
                    return replace(seen, rival=self._rival(files, facts))
        for path, use in uses.items():
            if use is not None and use.running:
                # The only copy is what the running machine still holds open.
                return Unknown(f"{path} is gone, but {use.domain} runs on it")
        return Observed({}, complete=False, facts={"parts": parts}) if parts else None

    def _rival(self, files: Mapping[str, FileFacts | Unknown], facts: FileFacts) -> str:
        """Both names are taken, by two files."""
        before = was(self)
        for path in self._former_names() if before else ():
            other = files.get(path)
            if before and isinstance(other, FileFacts) and other.inode != facts.inode:
                both = (ownership(self, facts)[0], ownership(before, other)[0])
                if both == (Ownership.OURS, Ownership.OURS):
                    return f"{before.address} is there as well"
        return ""

    def _observe(
        self, host: Reader, facts: FileFacts, info: ImageFacts, parts: tuple[str, ...]
    ) -> Observed:
        record = record_of(host, self)
        former = unsettled(host, self, facts.stamp)
        if facts.path in self._former_names():
            former = former or (before.address if (before := was(self)) else None)
        use = host.disk_users().get(facts.path)
        running = use is not None and use.running
        whose, owner = ownership(self, facts)
        size = use.size if use is not None and running and use.size else info.virtual_size
        fields: dict[str, Value] = {"size": size, "format": info.format}
        notes = []
        if info.backing:
            fields["image"] = self._image_name(info.backing)
            notes = self._age(info.backing)
        return Observed(
            fields=fields,
            ownership=whose,
            owner=owner,
            former=former,
            identity=str(facts.inode),
            declared=declared_of(record),
            complete=record is not None and not parts,
            running=running,
            users=(use.domain,) if use is not None and running else (),
            attached_to=(use.domain, *use.also) if use is not None else (),
            notes=tuple(notes),
            policy=policy_of(record),
            held=standing.holding(use) if use else "",
            held_fields=None,
            facts={
                "path": self.path_as(info.format) if former else facts.path,
                "at": facts.path,
                "guest": (facts.stamp or {}).get("guest", ""),
                "inode": facts.inode,
                "parts": parts,
                "backing": info.backing,
                "backing_format": info.backing_format,
            },
        )

    def _image_name(self, backing: str) -> str:
        """An image's file is STEM-KEY.qcow2; what lies elsewhere is called by its path."""
        folder, file = os.path.split(backing)
        name = file.rpartition("-")[0]
        wanted = self.links.get("image")
        outputs = wanted.provides() if wanted is not None else {}
        if wanted is not None and backing == outputs["path"]:
            return wanted.address.name
        if wanted is not None and name == outputs.get("stem"):
            name = wanted.address.name
        return name if name and folder == self.context.cloud.path("images") else backing

    def _age(self, backing: str) -> list[str]:
        wanted = self.links.get("image")
        if wanted is None or wanted.provides()["path"] == backing:
            return []
        if self._image_name(backing) != wanted.address.name:
            return []
        return [f"stands on an older version of {wanted.address}: {os.path.basename(backing)}"]

    def up(self, change: Change) -> Iterator[Step]:
        if change.action in (Action.CREATE, Action.REPLACE):
            yield from self._create(change)
            return
        yield from self._tidy(change)
        if change.former and (before := was(self)):
            yield Rename(before.path, self.path)
        for diff in change.diffs:
            if diff.field == "size":
                yield self._grow(change, diff.old, diff.new)
        if change.former or _unstamped(change):
            yield self._stamp(self.path, change)
        yield self._remember(change)
        yield from forget(self, change)

    def _create(self, change: Change) -> Iterator[Step]:
        outputs = self.provides()
        size = self.desired().get("size")
        image = self.links.get("image")
        base = change.around.get(image.address) if image else None
        smallest = base.facts.get("virtual_size", 0) if base else 0
        if isinstance(size, int) and isinstance(smallest, int) and size < smallest:
            least = format_size(smallest)
            raise self.refuse(
                ("spec", "size"),
                f"{self.address} is smaller than its image, which has {least}",
                f"write size: {least} or more",
            )
        yield from self._tidy(change)
        yield MakeFolder(self.context.cloud.path("disks"), 0o711)
        yield CreateDisk(
            f"{self.path}.part",
            self.format,
            size if isinstance(size, int) else None,
            str(outputs["backing"]),
            str(outputs["backing_format"]),
        )

    def _grow(self, change: Change, old: Value, new: Value) -> Step:
        assert isinstance(old, int) and isinstance(new, int)
        if new < old:
            raise self.refuse(
                ("spec", "size"),
                f"{self.address} has {format_size(old)} and cannot shrink to {format_size(new)}",
                f"write size: {format_size(old)} or more",
            )
        if change.observed and change.observed.running:
            return BlockResize(change.observed.users[0], self.path, new)
        return Run(("qemu-img", "resize", "-f", self.format, self.path, str(new)))

    def _stamp(self, path: str, change: Change) -> Stamp:
        kept = change.observed.facts.get("guest") if change.observed and change.former else ""
        guest = change.fillers[0] if change.fillers else kept
        extra = {"guest": str(guest)} if guest else {}
        return Stamp(path, self.path, self.context.cloud.name, str(self.address), extra)

    def _remember(self, change: Change) -> Step:
        seen = change.observed.facts if change.observed and not change.aside else {}
        return self.record(backing=seen.get("backing", self.provides()["backing"]))

    def seal(self, change: Change) -> Iterable[Step]:
        if not change.aside:
            return
        part = f"{self.path}.part"
        yield self._stamp(part, change)
        yield self._remember(change)
        yield from forget(self, change)
        yield from self._discard(change)
        yield Publish(part, self.path, 0o600)

    def _tidy(self, change: Change) -> Iterator[Step]:
        """What cut-off applies left behind, in any format."""
        parts = change.observed.facts.get("parts", ()) if change.observed else ()
        assert isinstance(parts, tuple)
        for path in parts:
            yield Remove(path)

    def _discard(self, change: Change) -> Iterator[Step]:
        if change.observed is not None and "at" in change.observed.facts:
            path, inode = (str(change.observed.facts[key]) for key in ("at", "inode"))
            name = f"{os.path.basename(path)}.{inode}"
            yield Trash(path, self.context.cloud.path("trash", name))

    def down(self, change: Change) -> Iterator[Step]:
        if change.action is Action.DELETE:
            yield from self._tidy(change)
            yield from self._discard(change)
            yield from forget(self, change)


def _unstamped(change: Change) -> bool:
    return change.observed is not None and change.observed.ownership is Ownership.UNSTAMPED
