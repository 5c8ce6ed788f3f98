"""LogicalVolume: a volume of LVM, blank, filled from an image, or a snapshot of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

from msgspec.structs import replace

from tiny_cloud import encryption, layers
from tiny_cloud.errors import Problem
from tiny_cloud.facts import DiskUse, GroupFacts, ImageFacts, Reader, VolumeFacts
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    FieldDiff,
    Observed,
    Ownership,
    State,
    Unknown,
    Value,
)
from tiny_cloud.naming import forget, known, ownership, record_of, unsettled, was
from tiny_cloud.resource import Resource, declared_of, policy_of
from tiny_cloud.snapshots import standing
from tiny_cloud.steps import (
    BlockResize,
    GrowVolume,
    RemoveVolume,
    RenameVolume,
    StampVolume,
    Step,
    TrashVolume,
)
from tiny_cloud.volumes import declared, extents, making, neighbours, observed, space, tags
from tiny_cloud.volumes.names import PART, in_trash
from tiny_cloud.volumes.neighbours import Volumes


class LogicalVolume(Resource):
    """A new one is ``NAME.part`` until it is filled, as a Disk's file is. One that stays blank has
    its own name at once: until it is stamped, a tag says that it is not finished."""

    KIND = "LogicalVolume"
    IS_DATA = True
    RENAMES = True
    MOVES = True

    @property
    def name(self) -> str:
        return declared.name_of(self)

    @property
    def type(self) -> str:
        return declared.type_of(self)

    @property
    def path(self) -> str:
        return self._path_in(str(self.spec["volumeGroup"]))

    def _path_in(self, group: str) -> str:
        return f"/dev/{group}/{self.name}"

    def _elsewhere(self) -> tuple[str, ...]:
        """Where it was before its manifest named another group or gave it another name."""
        before, (_, record) = was(self), known(self)
        group = record.get("spec", {}).get("volumeGroup", self.spec["volumeGroup"])
        moved = (self._path_in(group),) if group != self.spec["volumeGroup"] else ()
        return (*moved, *((before.path,) if before else ()))

    def _places(self) -> tuple[str, ...]:
        return (self.path,) if self.external else (self.path, *self._elsewhere())

    def provides(self) -> Mapping[str, Value]:
        key = encryption.key_of(self)
        return {
            "path": self.path,
            "format": encryption.format_of(self, "raw"),
            "secret": key.uuid if key else "",
            "backing": "",
            "filled": bool(self.spec.keys() & {"image", "snapshotOf"}),
            "names": (self.path,),
            "former_names": () if self.external else self._elsewhere(),
            "volume": self.name,
        }

    def desired(self) -> State:
        fields = super().desired()
        return fields if self.external else {**fields, "type": self.type}

    def faults(self) -> Iterable[Problem]:
        return declared.faults(self)

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterable[Problem]:
        return space.lacks(host, wanted)

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        volumes, groups = host.volumes(), host.volume_groups()
        there = {} if isinstance(volumes, Unknown) else volumes
        images = host.images({path: "raw" for item in wanted for path in item._places()
                              if path in there})
        found: dict[Address, Observed | Unknown] = {}
        for item in wanted:
            seen: Observed | Unknown | None
            if isinstance(volumes, Unknown):
                seen = volumes
            elif isinstance(groups, Unknown):
                seen = groups
            else:
                seen = item._look(host, volumes, groups, images)
            if seen is not None:
                found[item.address] = seen
        return found

    def _look(
        self, host: Reader, volumes: Volumes, groups: Mapping[str, GroupFacts],
        images: Mapping[str, ImageFacts | Unknown],
    ) -> Observed | Unknown | None:
        places = self._places()
        for path in places:
            group = path.split("/")[2]
            if group not in groups:
                return Unknown(f"there is no volume group {group}", "vgs shows those that are")
        parts = neighbours.left_over(host, places, volumes)
        if isinstance(parts, Unknown):
            return parts
        there = [volumes[path] for path in places if path in volumes and path not in parts]
        for facts in there:
            use = neighbours.use(host, facts)
            if use is not None and (missing := standing.missing(host, use)):
                return missing
            info = images.get(facts.path, Unknown(
                f"{facts.path} is not active", f"lvchange --activate y {facts.path}"))
            if isinstance(info, Unknown):
                return info
            seen = self._observe(host, facts, info, use, groups[facts.group], volumes, parts)
            if isinstance(seen, Unknown):
                return seen
            if facts.path == self.path or seen.ownership is not Ownership.FOREIGN:
                return replace(seen, rival=self._rival(facts, there))
        for path in places:
            use = host.disk_users().get(path)
            if use is not None and use.running:
                return Unknown(f"{path} is gone, but {use.domain} runs on it")
        return Observed({}, complete=False, facts={"parts": parts}) if parts else None

    def _rival(self, facts: VolumeFacts, there: Sequence[VolumeFacts]) -> str:
        """Both names are taken, by two volumes of ours."""
        before = was(self)
        for other in there if before else ():
            if before and other is not facts and other.path == before.path:
                both = ownership(self, tags.as_file(facts)), ownership(before, tags.as_file(other))
                if all(whose is Ownership.OURS for whose, _ in both):
                    return f"{before.address} is there as well"
        return ""

    def _observe(
        self, host: Reader, facts: VolumeFacts, info: ImageFacts, use: DiskUse | None,
        group: GroupFacts, volumes: Volumes, parts: tuple[str, ...],
    ) -> Observed | Unknown:
        file, record = tags.as_file(facts), record_of(host, self)
        whose, owner = (Ownership.OURS, "") if self.external else ownership(self, file)
        if unusable := encryption.unusable(self, facts.path, info, whose):
            return unusable
        former = unsettled(host, self, file.stamp)
        if facts.path in self._elsewhere() and (before := was(self)) and facts.path == before.path:
            former = former or before.address
        wanted = extents.wanted(self.desired().get("size"), group)
        header = facts.virtual_size - info.virtual_size
        fields = {**observed.fields(self, facts, use, wanted, header),
                  **encryption.observed(host, self, info)}
        return Observed(
            fields=fields,
            ownership=whose,
            owner=owner,
            former=former,
            identity=facts.uuid,
            declared=encryption.declared(declared_of(record), info),
            complete=self.external or not (record is None or parts),
            needed_by=tuple(neighbours.above(facts, volumes, self.context.cloud.name)),
            notes=(*neighbours.promises(facts, volumes), *encryption.remarks(host, self, fields)),
            policy=policy_of(record),
            **standing.used(use),
            facts={
                "path": self.path if former else facts.path,
                "at": facts.path,
                "format": info.format,
                "secret": encryption.uuid_of(self) if info.encryption else "",
                "header": header,
                "backing": "",
                "guest": (file.stamp or {}).get("guest", ""),
                "uuid": facts.uuid,
                "parts": parts,
                "wanted": wanted,
            },
        )

    def costs(self, diffs: Sequence[FieldDiff], seen: Observed) -> tuple[FieldDiff, ...]:
        return encryption.costs(diffs)

    def up(self, change: Change) -> Iterator[Step]:
        if change.action in (Action.CREATE, Action.REPLACE):
            yield from self._create(change)
            return
        yield from self._tidy(change)
        if change.former and (before := was(self)):
            yield RenameVolume(before.path, self.path)
        for diff in change.diffs:
            if diff.field == "size":
                yield from self._grow(change, diff.old)
            if diff.field == encryption.FIELD:
                yield from encryption.kept(self, self.path)
        seen = change.observed
        if change.former or (seen and seen.ownership is Ownership.UNSTAMPED):
            yield self._stamp(self.path, change)
        yield self.record()
        if change.former and (before := was(self)):
            yield from encryption.left(before)
        yield from forget(self, change)

    def _create(self, change: Change) -> Iterator[Step]:
        making.require(self, change)
        yield from self._tidy(change)
        yield from making.made(self, self._made_as(change))

    def _made_as(self, change: Change) -> str:
        """Nobody may see under its own name what is still written into, nor what is to take the
        place of another."""
        blank = change.action is Action.CREATE and not (
            change.fillers or self.spec.keys() & {"image", "encryption"})
        return self.path if blank else f"{self.path}{PART}"

    def _grow(self, change: Change, old: Value) -> Iterator[Step]:
        assert change.observed is not None and isinstance(old, int)
        new, header = (change.observed.facts[key] for key in ("wanted", "header"))
        assert isinstance(new, int) and isinstance(header, int)
        layers.require_growth(self, old, new)
        yield GrowVolume(self.path, new)
        if change.observed.running and self.type != "snapshot":
            yield BlockResize(change.observed.users[0], self.path, new - header)

    def _stamp(self, path: str, change: Change) -> Step:
        seen = change.observed.facts if change.observed and not change.aside else self.provides()
        guest = change.fillers[0] if change.fillers else seen.get("guest") if change.former else ""
        luks = encryption.LUKS if seen["format"] == encryption.LUKS else ""
        extra = {key: str(it) for key, it in (("guest", guest), ("encryption", luks)) if it}
        return StampVolume(path, self.context.cloud.name, str(self.address), extra, change.aside)

    def seal(self, change: Change) -> Iterable[Step]:
        if change.aside:
            path = self._made_as(change)
            yield self._stamp(path, change)
            yield self.record()
            yield from encryption.kept(self, path)
            yield from encryption.forgotten(self, change)
            yield from forget(self, change)
            yield from self._discard(change)
            if path != self.path:
                yield RenameVolume(path, self.path)

    def _tidy(self, change: Change) -> Iterator[Step]:
        """What cut-off applies left behind."""
        for path in layers.left_over(change):
            yield RemoveVolume(path, self.context.cloud.name)

    def _discard(self, change: Change) -> Iterator[Step]:
        if change.observed is not None and "at" in change.observed.facts:
            path, uuid = (str(change.observed.facts[key]) for key in ("at", "uuid"))
            yield TrashVolume(path, in_trash(path, uuid))

    def down(self, change: Change) -> Iterator[Step]:
        if change.action is Action.DELETE:
            yield from self._tidy(change)
            yield from self._discard(change)
            yield from encryption.forgotten(self, change)
            yield from forget(self, change)

