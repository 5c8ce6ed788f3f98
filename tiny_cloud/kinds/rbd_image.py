"""RBDImage: an image of a Ceph cluster, blank or a clone of a snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from tiny_cloud import layers
from tiny_cloud.ceph import Cluster
from tiny_cloud.errors import Problem
from tiny_cloud.facts import DiskUse, RBDFacts, Reader
from tiny_cloud.libvirt_xml import disk_paths
from tiny_cloud.model import Action, Address, Change, Observed, Ownership, Unknown, Value
from tiny_cloud.naming import forget, known, ownership, record_of
from tiny_cloud.rbd_images import PART, as_file, cluster_of, place_of, url_of, use_of
from tiny_cloud.resource import Resource, declared_of, policy_of
from tiny_cloud.sizes import format_size
from tiny_cloud.snapshots import standing
from tiny_cloud.steps import (
    BlockResize,
    CreateRBDImage,
    GrowRBDImage,
    RenameRBDImage,
    StampRBDImage,
    Step,
    TrashRBDImage,
)
from tiny_cloud.yaml12 import Path

REACHED_BY = ("monitors", "config", "auth.user", "auth.secret")
"""Fields that the image itself has not: what was declared last is what is there."""
CLONE = ("cloneOf.pool", "cloneOf.image", "cloneOf.snapshot")
Images = Mapping[tuple[Cluster, str], RBDFacts | Unknown]


class RBDImage(Resource):
    """A new one is ``NAME.part`` until it is stamped, as a Disk's file is."""

    KIND = "RBDImage"
    IS_DATA = True

    @property
    def cluster(self) -> Cluster:
        return cluster_of(self)

    @property
    def place(self) -> str:
        return place_of(self)

    @property
    def parent(self) -> tuple[str, ...]:
        """Pool, image and snapshot; none: it is blank."""
        clone = self.spec.get("cloneOf")
        pool = clone.get("pool", self.spec["pool"]) if clone else ""
        return (pool, clone["image"], clone["snapshot"]) if clone else ()

    def _places(self) -> tuple[str, ...]:
        """Where it is, or was before its manifest named another pool."""
        return tuple(dict.fromkeys((self.place, place_of(self, self._before().get("pool", "")))))

    def _before(self) -> Mapping[str, Any]:
        """The spec as it was applied last; empty: it never was."""
        found: Mapping[str, Any] = known(self)[1].get("spec", {})
        return found

    def provides(self) -> Mapping[str, Value]:
        url = url_of(self)
        return {"path": url, "format": "raw", "backing": "", "names": (url,), "former_names": ()}

    # -- what is there ----------------------------------------------------------------------------

    @classmethod
    def _images(cls, host: Reader, wanted: Sequence[Self]) -> Images:
        return _look(host, ((item.cluster, f"{place}{ending}") for item in wanted
                            for place in item._places() for ending in ("", PART)))

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterator[Problem]:
        """Of those that are to be made, whether there is what they are to be cloned from."""
        own = cls._images(host, wanted)
        new = [item for item in wanted if item.parent and (item.cluster, item.place) not in own]
        there = _look(host, ((item.cluster, "/".join(item.parent[:2])) for item in new))
        for item in new:
            lack = item._lack(there.get((item.cluster, "/".join(item.parent[:2]))))
            if lack is not None:
                field, summary, hint = lack
                yield from item.refuse(("spec", *field), summary, hint).problems

    def _lack(self, parent: RBDFacts | Unknown | None) -> tuple[Path, str, str] | None:
        """The field that asks for what is not there, the sentence, and the remedy."""
        pool, image, snapshot = self.parent
        if isinstance(parent, Unknown):
            return ("cloneOf",), parent.reason, parent.hint
        if parent is None:
            return ("cloneOf", "image"), f"there is no image {pool}/{image}", (
                f"rbd ls {pool} shows those there are")
        least = parent.snapshots.get(snapshot)
        if least is None:
            there = ", ".join(parent.snapshots) or "none at all"
            return ("cloneOf", "snapshot"), (
                f"{pool}/{image} has no snapshot {snapshot}: there is {there}"), (
                f"rbd snap create {pool}/{image}@{snapshot} makes it")
        size = self.desired().get("size", least)
        if isinstance(size, int) and size < least:
            return ("size",), (f"{self.address} is smaller than the snapshot that it is cloned "
                               f"from, which has {format_size(least)}"), (
                f"write size: {format_size(least)} or more")
        return None

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        images = cls._images(host, wanted)
        return {item.address: seen for item in wanted if (seen := item._seen(host, images))}

    def _seen(self, host: Reader, images: Images) -> Observed | Unknown | None:
        monitors = self._before().get("monitors", self.cluster.monitors)
        if not set(monitors) & set(self.cluster.monitors):
            was = ", ".join(monitors)
            return Unknown(f"it was made in the cluster of {was}",
                           f"leave one of {was} among its monitors, or destroy it first")
        parts = []
        for place in self._places():
            if part := images.get((self.cluster, f"{place}{PART}")):
                if isinstance(part, Unknown):
                    return part
                mark = as_file(place, part)
                if mark.genuine and (mark.stamp or {})["cloud"] != self.context.cloud.name:
                    return Unknown(f"{place}{PART} is there and was not made here",
                                   f"rbd rename {place}{PART} …")
                parts.append(f"{place}{PART}")
        for place in self._places():
            facts = images.get((self.cluster, place))
            if isinstance(facts, Unknown):
                return facts
            if facts is not None:
                return self._observe(host, place, facts, tuple(parts))
        url, use = use_of(host, self)
        if use is not None and use.running:
            return Unknown(f"{self.place} is gone, but {use.domain} runs on {url}")
        return Observed({}, complete=False, facts={"parts": tuple(parts)}) if parts else None

    def _observe(
        self, host: Reader, place: str, facts: RBDFacts, parts: tuple[str, ...]
    ) -> Observed:
        record, (url, use) = record_of(host, self), use_of(host, self)
        whose, owner = ownership(self, as_file(place, facts))
        target = ""
        if use is not None and use.running:
            target = dict(disk_paths(host.domains()[use.domain].live_xml)).get(url, "")
        return Observed(
            fields=self._fields(place, facts, use),
            ownership=whose,
            owner=owner,
            identity=facts.id,
            declared=declared_of(record),
            complete=record is not None and not parts,
            policy=policy_of(record),
            facts={"path": url_of(self), "format": "raw", "backing": "", "at": place,
                   "target": target, "virtual_size": facts.size, "parts": parts},
            **{**standing.used(use), "held": _held(facts, use), "held_fields": frozenset()},
        )

    def _fields(
        self, place: str, facts: RBDFacts, use: DiskUse | None
    ) -> Mapping[str, Value]:
        size = min(facts.size, use.size) if use and use.running and use.size else facts.size
        said, before = self.desired(), known(self)[1].get("fields", {})
        fields: dict[str, Value] = {"pool": place.partition("/")[0], "size": size}
        for field in (*REACHED_BY, *CLONE):
            if field in said or field in before:
                value = before.get(field, said.get(field))
                fields[field] = tuple(value) if isinstance(value, list) else value
        # One that was flattened stands on nothing any more.
        return {**fields, **dict(zip(CLONE, facts.parent, strict=False))}

    # -- how to get there -------------------------------------------------------------------------

    def up(self, change: Change) -> Iterator[Step]:
        yield from self._tidy(change)
        if change.action in (Action.CREATE, Action.REPLACE):
            size = self.desired().get("size")
            wanted = size if isinstance(size, int) else None
            yield CreateRBDImage(self.cluster, f"{self.place}{PART}", wanted, self.parent,
                                 self.context.cloud.name, str(self.address))
            return
        for diff in change.diffs:
            if diff.field == "size":
                yield self._grow(change, diff.old, diff.new)
        if change.observed and change.observed.ownership is Ownership.UNSTAMPED:
            yield self._stamp(self.place)
        yield self.record()

    def _grow(self, change: Change, old: Value, new: Value) -> Step:
        assert change.observed is not None and isinstance(old, int) and isinstance(new, int)
        layers.require_growth(self, old, new)
        if change.observed.running:
            return BlockResize(change.observed.users[0], str(change.observed.facts["target"]), new)
        return GrowRBDImage(self.cluster, self.place, new)

    def _stamp(self, place: str) -> Step:
        return StampRBDImage(self.cluster, place, self.context.cloud.name, str(self.address))

    def seal(self, change: Change) -> Iterator[Step]:
        if change.aside:
            yield self._stamp(f"{self.place}{PART}")
            yield self.record()
            yield from self._discard(change)
            yield RenameRBDImage(self.cluster, f"{self.place}{PART}", self.place)

    def _tidy(self, change: Change) -> Iterator[Step]:
        """What cut-off applies left behind."""
        for part in layers.left_over(change):
            yield TrashRBDImage(self.cluster, part)

    def _discard(self, change: Change) -> Iterator[Step]:
        if change.observed is not None and "at" in change.observed.facts:
            yield TrashRBDImage(self.cluster, str(change.observed.facts["at"]))

    def down(self, change: Change) -> Iterator[Step]:
        if change.action is Action.DELETE:
            yield from self._tidy(change)
            yield from self._discard(change)
            yield from forget(self, change)


def _look(host: Reader, wanted: Iterable[tuple[Cluster, str]]) -> Images:
    by_cluster: defaultdict[Cluster, list[str]] = defaultdict(list)
    for cluster, place in wanted:
        by_cluster[cluster].append(place)
    return host.rbd_images(by_cluster)


def _held(facts: RBDFacts, use: DiskUse | None) -> str:
    """Why it stays where it is; who has it here, the plan knows itself."""
    if facts.clones:
        return f"{', '.join(facts.clones)} stands on its snapshots; rbd flatten sets them free"
    if facts.snapshots:
        return f"it has the snapshots {', '.join(facts.snapshots)}; rbd snap rm takes them away"
    if len(facts.watchers) > (use is not None and use.running):
        return f"somebody at {', '.join(facts.watchers)} has it open"
    return ""
