"""The base class of every kind, and their registry.

A kind is one class in ``tiny_cloud/kinds`` and one schema in ``schemas``; importing its file
registers it. Kinds are pure: what they know of the host comes through a ``Reader``, what they want
done are steps.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

from msgspec import Struct

from tiny_cloud import schema
from tiny_cloud.document import Document
from tiny_cloud.errors import Failure, Problem, Problems, Span
from tiny_cloud.facts import Reader
from tiny_cloud.model import (
    Address,
    Change,
    Cloud,
    FieldDiff,
    Observed,
    Offer,
    State,
    Unknown,
    Value,
)
from tiny_cloud.steps import Step, WriteRecord

_FIRST = re.compile(r"[.\[]")


class Context(Struct, frozen=True):
    """What a resource may know when names and paths are made, before any probe."""

    cloud: Cloud
    digest: Callable[[str], str]
    """sha256 (hexadecimal) of a local file's content; raises Failure if it cannot be read."""
    recall: Callable[[Address], Mapping[str, Any]] = lambda address: {}
    """The record of a thing, for what must stay as it was (a UUID); empty: there is none."""
    owners: Callable[[], Mapping[str, Address]] = dict
    """Whose the UUIDs are that are recorded: a renamed thing keeps that of its former name."""
    forget: Callable[[], None] = lambda: None
    """What was recalled may have changed: it is read again."""


@dataclass(frozen=True)
class Resource(ABC):
    """One declared thing. ``spec`` is as the user wrote it: undeclared fields are not there."""

    KIND: ClassVar[str]
    """As in the manifest: ``VirtualMachine``."""
    SHORT: ClassVar[tuple[str, ...]] = ()
    """Short names for the command line, as its schema says."""
    INTERRUPTS: ClassVar[bool] = False
    """Stopping it interrupts somebody's work, so it takes --restart."""
    NAMES_PATHS: ClassVar[bool] = False
    """Its definition on the host names the files of what it refers to."""
    SHARED: ClassVar[bool] = False
    """Other people's running domains may use it: it does not go from under them."""
    IS_DATA: ClassVar[bool] = False
    """Deleting it loses data: reclaimPolicy, --delete-data and the trash apply."""
    VERSIONED: ClassVar[bool] = False
    """Made anew it lies beside what it was, and whoever names that goes on naming it."""
    LAYERS: ClassVar[bool] = False
    """What stands on it keeps only what differs from it: as long as something does, it is never
    written."""
    LEAVES: ClassVar[str] = ""
    """What becomes of a field that is declared no more and does not go, where that is said."""
    RENAMES: ClassVar[bool] = False
    """It knows how to follow ``metadata.renamedFrom``."""
    MOVES: ClassVar[bool] = False
    """Renaming it moves a file that machines have open."""

    address: Address
    spec: Mapping[str, Any]
    metadata: Mapping[str, Any]
    context: Context
    span: Span | None = None
    document: Document | None = None
    """Where it was declared; None for what was rebuilt from a record."""
    recorded: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The record it was rebuilt from; empty for what was read from a manifest."""
    links: dict[str, Resource] = field(default_factory=dict, repr=False, compare=False)
    """By field path: what its x-ref fields refer to; filled by load.link."""
    referrers: dict[Address, Resource] = field(default_factory=dict, repr=False, compare=False)
    """Those declared ones that refer to it; filled by linking.introduce."""

    registry: ClassVar[dict[str, type[Resource]]] = {}

    def __init_subclass__(cls) -> None:
        Resource.registry[cls.KIND.lower()] = cls
        cls.SHORT = schema.short(cls.KIND)

    @classmethod
    def expand(cls, document: Document, cloud: Cloud) -> Iterable[Document]:
        """A composite becomes plain documents; a plain kind is itself."""
        return (document,)

    def faults(self) -> Iterable[Problem]:
        """What its schema cannot say: values that do not go together, nor with what it refers to.
        Its links are there; no host is asked."""
        return ()

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterable[Problem]:
        """What a manifest needs of the host and the host has not (a bridge, a network)."""
        return ()

    @classmethod
    @abstractmethod
    def probe(
        cls, host: Reader, wanted: Sequence[Self]
    ) -> Mapping[Address, Observed | Unknown]:
        """What is there, for all of a kind in one batch; what is absent has no entry."""

    @classmethod
    def discover(cls, host: Reader, context: Context) -> Sequence[Self]:
        """What the cloud owns of this kind, rebuilt from the records."""
        kind = cls.KIND.lower()
        return [
            cls(address, record["spec"], record["metadata"], context, recorded=record)
            for address, record in host.records().items()
            if address.kind == kind
        ]

    def provides(self) -> Mapping[str, Value]:
        """Pure outputs for those that refer to it: path, format, MAC."""
        return {}

    def location(self) -> tuple[Value, Value]:
        """Path and format of what others stand on, without what it stands on itself: chains are as
        long as somebody writes them."""
        outputs = self.provides()
        return outputs["path"], outputs["format"]

    @cached_property
    def references(self) -> Sequence[schema.Ref]:
        """What its x-ref fields name, in the order they are written."""
        return schema.refs(self.KIND, self.spec)

    @cached_property
    def _declared(self) -> State:
        fields = schema.flatten(self.KIND, self.spec)
        if self.external:
            # Defaults that count as declared are for what is ours.
            return {name: it for name, it in fields.items() if _FIRST.split(name)[0] in self.spec}
        return fields

    def desired(self) -> State:
        """The declared fields, flat and normalised."""
        return self._declared

    @property
    def external(self) -> bool:
        """It is used and never owned: not made, changed, stamped, recorded, pruned or destroyed."""
        return bool(self.spec.get("external"))

    def policy(self) -> State:
        """How it is to be treated; kept with the object, so that it outlives the manifest."""
        annotations = self.metadata.get("annotations") or {}
        policy: dict[str, Value] = {"protect": annotations.get("tinycloud/protect") == "true"}
        if self.IS_DATA:
            default = self.context.cloud.reclaim_policy
            policy["reclaimPolicy"] = str(self.spec.get("reclaimPolicy", default))
        return policy

    def costs(self, diffs: Sequence[FieldDiff], seen: Observed) -> tuple[FieldDiff, ...]:
        """The differences with what each costs here and now, where that is not as the schema says:
        what can be changed while it runs depends on what runs."""
        return tuple(diffs)

    def offer(self, seen: Observed, *, alone: bool = False) -> Offer | None:
        """What changes only with ``--rebase``; ``alone``: by the verb ``flatten``."""
        return None

    def writes(self) -> frozenset[Address]:
        """Things that hold data and that it writes to while it runs, or once."""
        return frozenset()

    def asks_guest(self, diffs: Sequence[FieldDiff]) -> bool:
        """Whether a change that is live takes a guest that agrees: with consent to a restart it is
        made by that instead, which needs nobody's."""
        return False

    def stirred_by(self, diffs: Sequence[FieldDiff]) -> tuple[str, ...]:
        """Fields of its own that a change of its container leaves waiting for a restart."""
        return ()

    @abstractmethod
    def up(self, change: Change) -> Iterable[Step]:
        """Create, update or start it. Raises Problems for what can never be done."""

    def seal(self, change: Change) -> Iterable[Step]:
        """Publish what ``up`` made, after those that write into it are done."""
        return ()

    def down(self, change: Change) -> Iterable[Step]:
        """Stop it, let go of it, remove it; works on what was rebuilt from a record."""
        return ()

    def record(self, **extra: Any) -> WriteRecord:
        """The step that remembers what was declared now."""
        return WriteRecord(str(self.address), self.remembered(**extra))

    def remembered(self, **extra: Any) -> Mapping[str, Any]:
        # A name that it had is of no use once there is a record under the new one.
        metadata = {key: it for key, it in self.metadata.items() if key != "renamedFrom"}
        return {
            "cloud": self.context.cloud.name,
            "spec": schema.jsonable(self.spec),
            "metadata": schema.jsonable(metadata),
            "policy": dict(self.policy()),
            "fields": {key: list(value) if isinstance(value, tuple) else value
                       for key, value in self.desired().items()},
            **extra,
        }

    def link(self, path: str) -> Resource:
        """What the x-ref field at this path refers to."""
        try:
            return self.links[path]
        except KeyError:
            raise Failure(f"{self.address} has lost what its field {path} refers to") from None

    def refuse(self, path: tuple[str | int, ...], summary: str, hint: str = "") -> Problems:
        """The error for a value that this host can never have; ``path`` is below the document."""
        span = self.document.span(path) if self.document else self.span
        return Problems([Problem(summary, span, hint)])


def declared_of(record: Mapping[str, Any] | None) -> State | None:
    """The flat fields of a record, lists as tuples again."""
    if record is None:
        return None
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in record["fields"].items()
    }


def policy_of(record: Mapping[str, Any] | None) -> State:
    """How the thing was to be treated at the last apply."""
    return dict(record.get("policy", {})) if record else {}
