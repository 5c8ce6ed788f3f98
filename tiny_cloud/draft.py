"""A change in the making: what the planner's rules add to, one pass after the other. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from msgspec import Struct, field

from tiny_cloud import ordering, schema
from tiny_cloud.model import Action, Address, FieldDiff, Impact, Observed, Ownership, Value
from tiny_cloud.resource import Resource


class Draft(Struct):
    resource: Resource
    observed: Observed | None = None
    own: Action | None = None
    """What is to be done to it for its own sake."""
    diffs: tuple[FieldDiff, ...] = ()
    because: list[str] = field(default_factory=list)
    blocked: str = ""
    allow: str = ""
    unknown: bool = False
    wakes: bool = False
    """It restarts for its own sake."""
    renewed_for: list[Address] = field(default_factory=list)
    """Things that are made anew and whose files its definition names."""
    stop: bool = False
    """It comes down, for its own sake or because of what it stands on."""
    stop_because: list[str] = field(default_factory=list)

    def block(self, why: str, allow: str = "") -> None:
        if not self.blocked:
            self.blocked, self.allow = why, allow

    @property
    def address(self) -> Address:
        return self.resource.address

    @property
    def action(self) -> Action | None:
        if self.own is not None:
            return self.own
        if self.renewed_for:
            return Action.UPDATE
        return Action.RESTART if self.stop else None

    @property
    def works(self) -> bool:
        return self.action is not None and not self.blocked

    @property
    def makes(self) -> bool:
        """It is made anew, under a name nobody uses yet."""
        return self.own in ordering.MAKING and not self.blocked

    @property
    def made(self) -> str:
        """In words, of one that is made."""
        return "is replaced" if self.own is Action.REPLACE else "is made anew"

    @property
    def renames(self) -> bool:
        """It gets another name, in place."""
        renamed = self.observed is not None and self.observed.former is not None
        return renamed and self.own is Action.UPDATE

    @property
    def rebased(self) -> FieldDiff | None:
        """It gets another base, in place; a new value of None: it stands alone from then on."""
        diffs = self.diffs if self.works and self.own is Action.UPDATE else ()
        return next((diff for diff in diffs if schema.keyword(
            self.resource.KIND, diff.field, "x-rebase")), None)

    @property
    def runs(self) -> bool:
        return self.observed is not None and self.observed.running

    @property
    def ends(self) -> bool:
        """The manifest itself says that it shall stop running."""
        return any(diff.field == "running" and diff.new is False for diff in self.diffs)

    @property
    def usable(self) -> bool:
        """What is there now may be built upon, whatever becomes of this change."""
        seen = self.observed
        return seen is not None and not self.unknown and seen.ownership is Ownership.OURS

    @property
    def leaves(self) -> frozenset[Address]:
        """What it refers to now and shall not any more, sooner or later."""
        return self._referred(lambda diff: diff.old, self.diffs)

    @property
    def lets_go(self) -> frozenset[Address]:
        """What it refers to now and, once this change is made, no longer uses."""
        return frozenset() if self.blocked else self._referred(lambda diff: diff.old, self._done)

    @property
    def takes(self) -> frozenset[Address]:
        """What it has not referred to and, once this change is made, uses."""
        found = self._referred(lambda diff: diff.new, self._done)
        return found if found and self.resource.desired().get("running", True) else frozenset()

    @property
    def _done(self) -> tuple[FieldDiff, ...]:
        """What does not wait for another boot."""
        if not self.runs or self.stop or self.ends:
            return self.diffs
        return tuple(diff for diff in self.diffs if diff.impact is Impact.LIVE)

    def _referred(
        self, side: Callable[[FieldDiff], Value], diffs: Iterable[FieldDiff]
    ) -> frozenset[Address]:
        return frozenset(
            Address(kind, str(side(diff)))
            for diff in diffs if side(diff)
            for kind in schema.keyword(self.resource.KIND, diff.field, "x-ref") or ())

    def has(self, impact: Impact) -> bool:
        return any(diff.impact is impact for diff in self.diffs)


Drafts = Mapping[Address, Draft]


def matches(patterns: Iterable[str], address: Address) -> bool:
    return any(fnmatchcase(str(address), pattern) for pattern in patterns)


def container(draft: Draft, drafts: Drafts) -> Draft | None:
    """The draft of what its contents live inside of."""
    address = ordering.container_of(draft.resource)
    return drafts.get(address) if address else None


def standing_on(drafts: Drafts) -> Mapping[Address, list[Draft]]:
    """By thing: those that refer to it and wait for it."""
    found: dict[Address, list[Draft]] = {address: [] for address in drafts}
    for draft in drafts.values():
        for target in ordering.ordered_links(draft.resource):
            if target in found:
                found[target].append(draft)
    return found


def machines_above(address: Address, standing: Mapping[Address, list[Draft]]) -> list[Draft]:
    """Everything at any height that runs on it and whose stop interrupts somebody."""
    found: dict[Address, Draft] = {}
    todo = list(standing[address])
    while todo:
        draft = todo.pop()
        if draft.address not in found:
            found[draft.address] = draft
            todo += standing[draft.address]
    return [draft for draft in found.values() if draft.runs and draft.resource.INTERRUPTS]
