"""Image: a base image, published once under its key, read-only, never written again."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

from tiny_cloud import layers, schema
from tiny_cloud.borrowed import borrowed
from tiny_cloud.errors import Failure, Problem
from tiny_cloud.facts import FileFacts, Reader
from tiny_cloud.guests.declared import unreadable
from tiny_cloud.images import golden, kernels, keys, sources
from tiny_cloud.model import Address, Change, Observed, Ownership, State, Unknown, Value
from tiny_cloud.naming import forget, known, ownership, record_of, unsettled
from tiny_cloud.resource import Resource, declared_of, policy_of
from tiny_cloud.steps import (
    MakeFolder,
    Publish,
    Remove,
    Stamp,
    Step,
    Trash,
)


class Image(Resource):
    """Its path carries a key made of what the manifest says of the source, so that overlays can
    name their base before it exists; another source is another file, and what stands on the old
    one stays there."""

    KIND = "Image"
    IS_DATA = True
    VERSIONED = True
    RENAMES = True

    @property
    def source(self) -> Mapping[str, Any]:
        source: Mapping[str, Any] = self.spec["source"]
        return source

    @property
    def compression(self) -> str:
        return str(self.spec.get("compression", ""))

    @cached_property
    def key(self) -> str:
        if "key" in self.recorded:
            return str(self.recorded["key"])  # the source need not be there any more
        packed = {"compression": self.compression} if self.compression else {}
        inside = golden.identity(self.spec, self.context.digest)
        return keys.key_of({**self._identity(), **packed, **inside})

    def _identity(self) -> Mapping[str, Any]:
        return sources.identity(self.source, lambda: self._content[0])

    @cached_property
    def _content(self) -> tuple[str, Failure | None]:
        """The digest of a source on this host. Of one that cannot be read any more, what it was,
        and why not; raises that Failure if no image was made of it."""
        try:
            return self.context.digest(sources.local(self.source)), None
        except Failure as failure:
            _, record = known(self)
            source = record.get("spec", {}).get("source")
            if "digest" not in record or source != schema.jsonable(self.source):
                raise
            return str(record["digest"]), failure

    @property
    def _lost(self) -> Failure | None:
        """Why the source cannot be read that it was made of."""
        unread = self.external or sources.is_told(self.source) or "key" in self.recorded
        return None if unread else self._content[1]

    @property
    def _folder(self) -> str:
        return self.context.cloud.path("images")

    @cached_property
    def stem(self) -> str:
        """What its files are called after: the name it was made under. They keep it when it is
        renamed, for the disks that stand on them name them."""
        address, record = known(self)
        return str(record.get("stem", address.name))

    @property
    def path(self) -> str:
        return self.context.cloud.path("images", f"{self.stem}-{self.key}.qcow2")

    def provides(self) -> Mapping[str, Value]:
        if self.external:
            return {"path": self.spec["path"], "format": self.spec["format"]}
        return {"path": self.path, "format": "qcow2", "stem": self.stem}

    def desired(self) -> State:
        if self.external:
            return super().desired()
        # Out of it, for machines that want to boot it.
        more: dict[str, Value] = {"kernel": True} if kernels.users(self) else {}
        more |= {"compression": self.compression} if self.compression else {}
        more |= golden.fields(self.spec)
        if "debootstrap" in self.source:
            return {"source": f"debootstrap {self.source['debootstrap']['suite']}", **more}
        return {"source": self.source.get("url") or self.source["path"], **more}

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterator[Problem]:
        published = set(host.listing(host.cloud.path("images")))
        for item in wanted:
            try:
                item.provides()
                if item._lost and item.path not in published:
                    raise item._lost
            except Failure as failure:
                if problems := list(unreadable(item, item.spec.get("guest", {}),
                                               ("spec", "guest"))):
                    yield from problems
                    continue
                path = ("spec", "source", "path" if "path" in item.source else "url")
                yield from item.refuse(path, failure.summary, failure.hint).problems

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        bases = layers.standing(host)
        siblings = host.files(host.listing(host.cloud.path("images")))
        sound = {path for path, seen in siblings.items() if isinstance(seen, FileFacts)}
        found: dict[Address, Observed | Unknown] = {}
        for item in wanted:
            path, form = item.spec.get("path", ""), item.spec.get("format", "")
            if item.external and (seen := borrowed(host, path, form, base=True)):
                found[item.address] = seen
        wanted = [item for item in wanted if not item.external]
        images = host.images({item.path: "qcow2" for item in wanted if item.path in sound})
        for item in wanted:
            facts = siblings.get(item.path)
            if isinstance(facts, Unknown):
                found[item.address] = facts
            elif facts is not None:
                info = images.get(item.path, Unknown(f"{item.path} went away"))
                found[item.address] = item._observe(host, facts, info, siblings, bases)
            elif faulty := kernels.faulty(item, [item.path], siblings):
                found[item.address] = faulty
            elif f"{item.path}.part" in siblings:
                found[item.address] = Observed({}, complete=False)
        return found

    def _observe(
        self,
        host: Reader,
        facts: FileFacts,
        info: Any,
        siblings: Mapping[str, FileFacts | Unknown],
        bases: Mapping[str, tuple[Address, ...]],
    ) -> Observed | Unknown:
        if isinstance(info, Unknown):
            return info
        whose, owner = ownership(self, facts)
        if whose is Ownership.OURS and not facts.intact:
            return Unknown(f"{self.path} was changed after it was published", "restore it")
        versions = {
            path: str(seen.inode)
            for path, seen in siblings.items()
            if isinstance(seen, FileFacts) and ownership(self, seen)[0] is Ownership.OURS
        }
        if faulty := kernels.faulty(self, versions, siblings):
            return faulty
        lacking = kernels.lacking(self, self.path, siblings, bases)
        record = record_of(host, self)
        return Observed(
            fields={key: value for key, value in self.desired().items()
                    if key != "kernel" or not lacking},
            ownership=whose,
            owner=owner,
            former=unsettled(host, self, facts.stamp),
            identity=str(facts.inode),
            declared=declared_of(record),
            complete=record is not None and not self._leftovers(siblings),
            policy=policy_of(record),
            notes=tuple(self._remarks(host, versions, bases)),
            needed_by=tuple(address for path in versions for address in bases.get(path, ())),
            facts={
                "virtual_size": info.virtual_size,
                "versions": versions,
                "leftovers": self._leftovers(siblings),
                "lacking": lacking,
                "kernels": kernels.stamped(siblings),
            },
        )

    def _remarks(
        self, host: Reader, versions: Iterable[str], bases: Mapping[str, tuple[Address, ...]]
    ) -> Iterator[str]:
        """Who stands on what it was; and that its source is gone."""
        for path in sorted(set(versions) & set(bases) - {self.path}):
            users = layers.users(host, bases, bases[path])
            said = ", ".join([*map(str, bases[path]), *(f"the machine {name}" for name in users)])
            yield f"{os.path.basename(path)} is an older version; on it stand {said}"
        if self._lost:
            yield f"{self._lost.summary}: what was made of it before stays"

    def _leftovers(self, siblings: Iterable[str]) -> tuple[str, ...]:
        """What cut-off applies of any version left behind."""
        start = re.escape(self.context.cloud.path("images", self.stem))
        endings = "|".join((r"qcow2(\.download)?", *kernels.ENDINGS))
        pattern = re.compile(rf"{start}-[0-9a-f]{{{keys.LENGTH}}}\.({endings})\.part")
        return tuple(path for path in siblings if pattern.fullmatch(path))

    def up(self, change: Change) -> Iterator[Step]:
        if not change.aside:
            yield from self._tidy(change)
            if change.observed and change.observed.ownership is Ownership.UNSTAMPED:
                yield self._stamp(self.path)
            elif change.former:
                for path in _facts(change, "versions"):
                    yield self._stamp(path, _facts(change, "kernels").get(path))
            for lack in self._lacking(change):
                yield from kernels.take_out(self, lack)
            yield self._remember()
            yield from forget(self, change)
            return
        part = f"{self.path}.part"
        yield MakeFolder(self._folder, 0o711)
        yield from sources.fill(self.source, self._identity(), part, self.compression)
        yield from golden.written(str(self.address), self.spec, part)

    def seal(self, change: Change) -> Iterator[Step]:
        if not change.aside:
            return
        part = f"{self.path}.part"
        yield self._stamp(part)
        yield self._remember()
        yield Publish(part, self.path, 0o444)
        for lack in self._lacking(change):
            yield from kernels.take_out(self, lack)

    def _lacking(self, change: Change) -> tuple[kernels.Lack, ...]:
        """What kernels are to be taken out of it, of whichever version."""
        if change.observed is None:
            return kernels.of_new(self, self.path)
        found = change.observed.facts.get("lacking", ())
        assert isinstance(found, tuple)
        return found

    def _stamp(self, path: str, extra: Mapping[str, str] | None = None) -> Stamp:
        cloud = self.context.cloud.name
        final = path.removesuffix(".part")
        return Stamp(path, final, cloud, str(self.address), extra or {}, immutable=True)

    def _remember(self) -> Step:
        digest = {} if sources.is_told(self.source) else {"digest": self._content[0]}
        return self.record(key=self.key, stem=self.stem, **digest)

    def _tidy(self, change: Change) -> Iterator[Step]:
        leftovers = change.observed.facts.get("leftovers", ()) if change.observed else ()
        assert isinstance(leftovers, tuple)
        for path in leftovers:
            yield Remove(path)

    def down(self, change: Change) -> Iterator[Step]:
        yield from self._tidy(change)
        for path, inode in _facts(change, "versions").items():
            name = f"{os.path.basename(path)}.{inode}"
            yield Trash(path, self.context.cloud.path("trash", name))
        yield from forget(self, change)


def _facts(change: Change, key: str) -> Mapping[str, Any]:
    """``versions``: its files, also the kernels out of it, and their inodes; ``kernels``: what
    those have in their stamps."""
    facts = change.observed.facts.get(key, {}) if change.observed else {}
    assert isinstance(facts, Mapping)
    return facts

