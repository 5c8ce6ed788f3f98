"""The nouns every layer shares: addresses, states, changes, plans, events. Data, no behaviour."""

from __future__ import annotations

import enum
import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple, TypeAlias

from msgspec import Struct, field

from tiny_cloud.consents import Consents as Consents
from tiny_cloud.errors import Span
from tiny_cloud.steps import Step

Scalar: TypeAlias = str | int | bool | None
Value: TypeAlias = Scalar | tuple[Scalar, ...]
State: TypeAlias = Mapping[str, Value]
"""Declared fields, flat: ``{"memory": 1073741824, "disks[root].bus": "virtio"}``.

The keys are the manifest's own paths below ``spec``; items of lists are named, never counted.
Sizes are bytes."""


# A tuple: nearly everything is looked up by it.
class Address(NamedTuple):
    """Who a thing is within its cloud: ``disk/web-root``. The kind is written in lower case."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Of ``KIND/NAME``, the kind in full."""
        kind, _, name = text.partition("/")
        return cls(kind.lower(), name)


class ReclaimPolicy(enum.StrEnum):
    """What becomes of data when its owner goes (Kubernetes' word and values)."""

    RETAIN = "Retain"
    DELETE = "Delete"


STORAGE_FOLDERS = ("trash", "consoles", "records", "disks", "images", "nvram", "seeds",
                   "snapshots")
"""What a cloud has in its storage, beside the journal."""


class Cloud(Struct, frozen=True):
    """Whose things these are and where they live: the one Cloud document, or its defaults."""

    name: str
    connect: str
    """libvirt's connection URI."""
    storage: str
    """Absolute path of the folder with images, disks, records and trash."""
    reclaim_policy: ReclaimPolicy = ReclaimPolicy.RETAIN
    declared: bool = False
    """Whether a Cloud document says so; without one, --prune is refused."""
    seed: str = ""
    """Mixed into derived MACs and UUIDs: the machine-id for the cloud ``default``, else empty."""

    def path(self, *parts: str) -> str:
        return "/".join((_plain(self.storage), *filter(None, parts)))


@lru_cache(1 << 6)
def _plain(path: str) -> str:
    """Without what means nothing: doubled slashes, dots. Every name of a file begins with it."""
    return str(PurePosixPath(path))


class Secret(Struct, frozen=True):
    """Where a secret comes from, never the secret itself (manifest: file, env, command or hash)."""

    source: str
    value: str | tuple[str, ...]
    """A file's absolute path, a variable's name, an argv, or a crypt(5) hash."""

    def __str__(self) -> str:
        if self.source == "hash":
            return "a crypt hash"
        words = self.value if isinstance(self.value, str) else shlex.join(self.value)
        return f"{self.source} {words}"


class Ownership(enum.Enum):
    """Whose a thing on the host is."""

    OURS = "ours"
    UNSTAMPED = "unstamped"
    """Somebody made it without us; ``--adopt`` takes it over."""
    FOREIGN = "foreign"
    """It bears a stamp of another cloud, another object, or is a copy of ours."""


class Observed(Struct, frozen=True):
    """What a probe found under an address; an address that is absent has no Observed at all."""

    fields: State
    """As the host has them, in the terms of ``Resource.desired``."""
    ownership: Ownership = Ownership.OURS
    owner: str = ""
    """For FOREIGN things, whose they are, in words."""
    former: Address | None = None
    """It was renamed in the manifest, and goes by this name still, at least in part."""
    rival: str = ""
    """What stands in the way of its renaming, as a sentence."""
    identity: str = ""
    """Which very object it is: an inode, a UUID. A plan holds for this one alone."""
    declared: State | None = None
    """The fields declared at the last apply, from the record; None: the record is missing."""
    complete: bool = True
    """False: it is ours, and a killed apply left it half done."""
    running: bool = False
    """Whether its contents are in use, so that an x-offline change would interrupt something."""
    pending: tuple[str, ...] = ()
    """Fields that are in order but take effect only at a restart."""
    needed_by: tuple[Address, ...] = ()
    """Who stands on it, as the host says, whether declared or not."""
    users: tuple[str, ...] = ()
    """Names of running domains that have it open."""
    attached_to: tuple[str, ...] = ()
    """Names of all domains whose definitions have it, running or not."""
    domain: str = ""
    """Of a machine, what libvirt calls it."""
    strangers: tuple[str, ...] = ()
    """Those of the users that are not of this cloud."""
    held: str = ""
    """Why it can be neither removed nor renamed nor made anew, as a sentence; empty: nothing holds
    it."""
    held_fields: frozenset[str] | None = frozenset()
    """Those that cannot change meanwhile; None: none can, nor what is inside it."""
    notes: tuple[str, ...] = ()
    drifted: tuple[FieldDiff, ...] = ()
    """What a look inside found that the fields, which were recorded, do not say."""
    policy: State = field(default_factory=dict)
    """``Resource.policy`` as of the last apply, from the record; empty: the record is missing."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What the kind itself wants to know again when it makes its steps (current XML, users)."""


class Unknown(Struct, frozen=True):
    """It could not be observed. Never the same as absent: nothing is created over it."""

    reason: str
    hint: str = ""
    adoptable: bool = False
    """--adopt may write it anew over whatever is there."""


class Action(enum.Enum):
    """What is done to a thing; the value is its glyph."""

    CREATE = "+"
    UPDATE = "~"
    REPLACE = "±"
    RESTART = "↻"
    DELETE = "-"


class Impact(enum.Enum):
    """What a change costs those who use the thing, mildest first."""

    NONE = "none"
    LIVE = "live"
    NEXT_BOOT = "at next boot"
    RESTART = "restarts the machine"
    DESTROYS = "destroys data"


class FieldDiff(Struct, frozen=True):
    """A field that becomes something else."""

    field: str
    """As below ``spec``, items of lists by name: ``disks[root].bus``."""
    old: Value
    new: Value
    """None: it goes. Sizes are bytes."""
    impact: Impact = Impact.NONE


class Offer(Struct, frozen=True):
    """A change that is made only if the user asks for that very thing."""

    diff: FieldDiff
    note: str
    """What is said as long as nobody asks."""
    blocked: str = ""
    """Why it could not be made if somebody did; empty: it could."""


PHASES = ("down", "up", "seal")
"""Of a change, in their order: stop or remove, make or alter, publish what was made aside."""


class Change(Struct, frozen=True):
    """One thing's way from what is to what should be."""

    address: Address
    action: Action
    diffs: tuple[FieldDiff, ...] = ()
    impact: Impact = Impact.NONE
    """The worst that it costs."""
    restarts: tuple[Address, ...] = ()
    """Whom it interrupts, if its impact is that it restarts something: machines, or itself."""
    because: tuple[str, ...] = ()
    """Why, if not for its own sake."""
    blocked: str = ""
    """Why it is not done; empty: it will be done."""
    allow: str = ""
    """The flag that would unblock it, as it is to be typed."""
    observed: Observed | None = None
    stop: bool = False
    """It is running and has to come down for this change."""
    rests: bool = False
    """It is made while nobody uses the thing: after what stands on it has come down."""
    aside: bool = False
    """It is made under a name nobody uses yet and published when it is complete."""
    fresh: frozenset[Address] = frozenset()
    """Those it refers to that this plan makes anew: they are not published yet."""
    rebased: Mapping[Address, bool] = field(default_factory=dict)
    """Those it refers to that get another base in this plan; False: that stand alone from then."""
    fillers: tuple[Address, ...] = ()
    """Those that write into it before it is published (a new disk's guest)."""
    around: Mapping[Address, Observed] = field(default_factory=dict)
    """What was observed of those it refers to."""
    lets_go: frozenset[Address] = frozenset()
    """What it referred to and, once it is up, no longer uses."""
    takes: frozenset[Address] = frozenset()
    """Data that it uses from then on and did not use before: nobody else may any more."""
    former: Address | None = None
    """It is renamed in place, from this."""
    force: bool = False
    """If it does not come down when asked, its plug may be pulled (--force-off)."""
    down: tuple[Step, ...] = ()
    up: tuple[Step, ...] = ()
    seal: tuple[Step, ...] = ()
    span: Span | None = None
    """Where a manifest declares it."""

    @property
    def commands(self) -> tuple[str, ...]:
        """What a person would type for the same, in order."""
        return tuple(step.shell() for step in (*self.down, *self.up, *self.seal))


class Note(Struct, frozen=True):
    """Something true and worth knowing that changes nothing and needs nothing."""

    address: Address
    text: str


class Task(Struct, frozen=True):
    """A node of the executor's graph: one phase of one change, and what it waits for."""

    key: tuple[Address, str]
    """The address and one of PHASES."""
    steps: tuple[Step, ...]
    after: frozenset[tuple[Address, str]]


class Plan(Struct, frozen=True):
    """What would be done, what is worth knowing, and in which order."""

    cloud: Cloud
    changes: tuple[Change, ...]
    """In dependency order."""
    notes: tuple[Note, ...]
    tasks: tuple[Task, ...]
    """What apply does: only changes that are not blocked are in here."""

    @property
    def blocked(self) -> tuple[Change, ...]:
        """Changes that need a consent they have not got."""
        return tuple(change for change in self.changes if change.blocked)
