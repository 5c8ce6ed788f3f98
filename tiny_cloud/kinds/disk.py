"""Disk: a file; an overlay of an image or of another disk, or blank."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud import encryption, layers
from tiny_cloud.borrowed import borrowed
from tiny_cloud.errors import Problem
from tiny_cloud.facts import FileFacts, ImageFacts, Reader
from tiny_cloud.images import options, rebase
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    FieldDiff,
    Observed,
    Offer,
    Ownership,
    Unknown,
    Value,
)
from tiny_cloud.naming import forget, ownership, record_of, unsettled, was
from tiny_cloud.resource import Resource, declared_of, policy_of
from tiny_cloud.snapshots import standing
from tiny_cloud.steps import (
    BlockResize,
    CreateDisk,
    MakeFolder,
    Publish,
    Remove,
    Rename,
    Stamp,
    Step,
    Trash,
)


class _Batch(Struct, frozen=True):
    """What all disks are looked up in."""

    files: Mapping[str, FileFacts | Unknown]
    images: Mapping[str, ImageFacts | Unknown]
    chains: Mapping[str, tuple[layers.Below, ...]]
    changed: Mapping[str, Unknown]
    above: Mapping[str, tuple[Address, ...]]


class Disk(Resource):
    KIND = "Disk"
    IS_DATA = True
    LAYERS = True
    RENAMES = True
    MOVES = True

    @property
    def format(self) -> str:
        """qemu's name for it, which is also how its file's name ends."""
        return encryption.format_of(self, str(self.spec.get("format", "qcow2")))

    def path_as(self, form: str) -> str:
        return self.context.cloud.path("disks", f"{self.address.name}.{form}")

    @property
    def path(self) -> str:
        return str(self.spec["path"]) if self.external else self.path_as(self.format)

    def _names(self) -> tuple[str, ...]:
        return tuple(self.path_as(form) for form in layers.ENDINGS)

    def _former_names(self) -> tuple[str, ...]:
        before = was(self)
        return before._names() if before else ()

    def provides(self) -> Mapping[str, Value]:
        if self.external:
            names = {"names": (self.path,), "former_names": ()}
            return {"path": self.path, "format": self.format, **names}
        base, form = below.location() if (below := layers.base_of(self)) else ("", "")
        key = encryption.key_of(self)
        return {
            "path": self.path,
            "format": self.format,
            "secret": key.uuid if key else "",
            "backing": base,
            "backing_format": form,
            "names": self._names(),
            "former_names": self._former_names(),
        }

    def location(self) -> tuple[str, str]:
        return self.path, self.format

    def faults(self) -> Iterator[Problem]:
        yield from options.faults(self)
        yield from encryption.faults(self)

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        owned = [item for item in wanted if not item.external]
        paths = [path for item in owned for path in (*item._names(), *item._former_names())]
        files = host.files([*paths, *(f"{path}.part" for path in paths)])
        there = {p: p.rpartition(".")[2] for p in paths if isinstance(files.get(p), FileFacts)}
        chains = layers.chains(host, there)
        batch = _Batch(files, host.images(there), chains, layers.changed(host, chains),
                       layers.standing(host))
        found: dict[Address, Observed | Unknown] = {}
        for item in wanted:
            path, form = item.path, item.format
            seen = borrowed(host, path, form) if item.external else item._look(host, batch)
            if seen is not None:
                found[item.address] = seen
        return found

    def _look(self, host: Reader, batch: _Batch) -> Observed | Unknown | None:
        paths, files, images = (*self._names(), *self._former_names()), batch.files, batch.images
        parts = tuple(part for path in paths if (part := f"{path}.part") in files)
        uses = {path: host.disk_users().get(path) for path in paths}
        for path in paths:
            facts, info, use = files.get(path), images.get(path), uses[path]
            if isinstance(facts, Unknown):
                return facts
            if isinstance(info, Unknown):
                return info
            if use is not None and use.base and path not in batch.above:
                return Unknown(f"{path} has become the base of another disk of {use.domain}")
            if use is not None and (missing := standing.missing(host, use)):
                return missing
            if facts is not None and info is not None:
                seen = self._observe(host, facts, info, parts, batch)
                if isinstance(seen, Unknown):
                    return seen
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
        self, host: Reader, facts: FileFacts, info: ImageFacts, parts: tuple[str, ...],
        batch: _Batch,
    ) -> Observed | Unknown:
        record = record_of(host, self)
        whose, owner = ownership(self, facts)
        below = batch.chains[facts.path]
        if unusable := (encryption.unusable(self, facts.path, info, whose)
                        or layers.locked(host, facts.path, below)
                        or batch.changed.get(facts.path)):
            return unusable
        former = unsettled(host, self, facts.stamp)
        if facts.path in self._former_names():
            former = former or (before.address if (before := was(self)) else None)
        use = host.disk_users().get(facts.path)
        # What stands on it and runs is no user of the disk itself.
        use = None if use is not None and use.base else use
        size = use.size if use is not None and use.running and use.size else info.virtual_size
        fields: dict[str, Value] = {
            "size": size, **options.seen(info.options, declared_of(record)),
            **encryption.observed(host, self, info)}
        if called := rebase.called(self, info.backing):
            fields["base" if "base" in self.links else "image"] = called
        return Observed(
            fields=fields,
            ownership=whose,
            owner=owner,
            former=former,
            identity=str(facts.inode),
            declared=encryption.declared(declared_of(record), info),
            complete=record is not None and not parts,
            needed_by=batch.above.get(facts.path, ()),
            notes=(*encryption.remarks(host, self, fields), *layers.depth(below)),
            policy=policy_of(record),
            **standing.used(use),
            facts={
                "path": self.path_as(info.format) if former else facts.path,
                "at": facts.path,
                "guest": (facts.stamp or {}).get("guest", ""),
                "inode": facts.inode,
                "parts": parts,
                "backing": info.backing,
                "format": info.format,
                "secret": encryption.uuid_of(self) if info.encryption else "",
                "below": below,
                "virtual_size": info.virtual_size,
                "contents": (facts.stamp or {}).get("contents", ""),
                **rebase.facts(self, host, batch.above, info),
            },
        )

    def costs(self, diffs: Sequence[FieldDiff], seen: Observed) -> tuple[FieldDiff, ...]:
        return encryption.costs(diffs)

    def offer(self, seen: Observed, *, alone: bool = False) -> Offer | None:
        return rebase.alone(self, seen) if alone else rebase.offer(self, seen)

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
            if diff.field == encryption.FIELD:
                yield from encryption.kept(self, self.path)
        seen = change.observed
        if change.former or (seen and seen.ownership is Ownership.UNSTAMPED):
            yield self._stamp(self.path, change)
        if moved := rebase.step(self, change, self._stamp(f"{self.path}.part", change)):
            self._require_room(change)
            yield moved
        yield self.record()
        if change.former and (before := was(self)):
            yield from encryption.left(before)
        yield from forget(self, change)

    def _create(self, change: Change) -> Iterator[Step]:
        outputs, size = self.provides(), self.desired().get("size")
        self._require_room(change)
        yield from self._tidy(change)
        yield MakeFolder(self.context.cloud.path("disks"), 0o711)
        yield CreateDisk(
            f"{self.path}.part",
            self.format,
            size if isinstance(size, int) else None,
            str(outputs["backing"]), str(outputs["backing_format"]),
            options.of(self.spec),
            encryption.source_of(self),
        )

    def _require_room(self, change: Change) -> None:
        seen = change.observed.fields if change.observed else {}
        size = self.desired().get("size", seen.get("size"))
        layers.require_room(self, layers.base_of(self), size, change)

    def _grow(self, change: Change, old: Value, new: Value) -> Step:
        assert isinstance(old, int) and isinstance(new, int)
        layers.require_growth(self, old, new)
        if change.observed and change.observed.running:
            return BlockResize(change.observed.users[0], self.path, new)
        return encryption.grown(self, self.path, new)

    def _stamp(self, path: str, change: Change) -> Stamp:
        seen = change.observed.facts if change.observed and not change.aside else {}
        moved = path != self.path and not change.aside
        known = rebase.contents(seen) if moved else seen.get("contents")
        kept = seen.get("guest") if change.former or moved else ""
        guest = change.fillers[0] if change.fillers else kept
        extra = {key: str(it) for key, it in (("guest", guest), ("contents", known)) if it}
        return Stamp(path, self.path, self.context.cloud.name, str(self.address), extra)

    def seal(self, change: Change) -> Iterable[Step]:
        if not change.aside:
            return
        part = f"{self.path}.part"
        yield self._stamp(part, change)
        yield self.record()
        yield from encryption.kept(self, part)
        yield from encryption.forgotten(self, change)
        yield from forget(self, change)
        yield from self._discard(change)
        yield Publish(part, self.path, 0o600)

    def _tidy(self, change: Change) -> Iterator[Step]:
        """What cut-off applies left behind, in any format."""
        for path in layers.left_over(change):
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
            yield from encryption.forgotten(self, change)
            yield from forget(self, change)
