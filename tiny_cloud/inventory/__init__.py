"""What is declared or owned, and how it is: what ``get`` and ``describe`` show. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud import plan, removal
from tiny_cloud.draft import Draft
from tiny_cloud.errands import Actual
from tiny_cloud.errors import Failure, Problem, Problems
from tiny_cloud.facts import Reader
from tiny_cloud.inventory.chains import Layer, chains
from tiny_cloud.model import Action, Address, Change, FieldDiff, Observed, Ownership, Unknown
from tiny_cloud.resource import Resource

__all__ = ["Layer", "Status", "Thing", "things"]


class Status(enum.StrEnum):
    READY = "ready"
    DRIFTED = "drifted"
    """A plan would change it."""
    MISSING = "missing"
    FOREIGN = "foreign"
    """Something else is there under its name."""
    UNKNOWN = "unknown"
    """It cannot be observed."""
    UNDECLARED = "undeclared"
    """It is owned, and no document declares it."""


class Thing(Struct, frozen=True):
    resource: Resource
    status: Status
    seen: Observed | Unknown | None
    """As a probe found it; None: it is not there."""
    diffs: tuple[FieldDiff, ...] = ()
    """What a plan would change."""
    action: Action | None = None
    """How it would do that."""
    why: str = ""
    """Why a plan would not do it, or why nothing is known."""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    chain: tuple[Layer, ...] = ()
    """Of what holds data: its own file and what that stands on, the top first."""

    @property
    def address(self) -> Address:
        return self.resource.address

    @property
    def reason(self) -> str:
        """Why it is not as it should be, or not known to be; empty: its fields say that."""
        return self.seen.reason if isinstance(self.seen, Unknown) else self.why

    @property
    def observed(self) -> Observed | None:
        return self.seen if isinstance(self.seen, Observed) and self.seen.fields else None


def things(
    host: Reader, declared: Sequence[Resource], owned: Sequence[Resource], actual: Actual
) -> list[Thing]:
    """The declared ones in dependency order, then those that are only owned. Raises Failure."""
    drafts, remarks = plan.drafted(declared, actual)
    layers = chains(host, [*declared, *owned], actual)
    notes: dict[Address, tuple[str, ...]] = {}
    for note in (*remarks, *removal.undeclared_notes(owned, actual)):
        notes[note.address] = (*notes.get(note.address, ()), note.text)
    attempts = plan.attempted(drafts)
    found = [_declared(drafts[item.address], actual, attempts.get(item.address))
             for item in declared]
    found += [Thing(item, Status.UNDECLARED, actual.get(item.address)) for item in owned]
    return [replace(one, notes=notes.get(one.address, ()), chain=layers.get(one.address, ()))
            for one in found]


def _declared(
    draft: Draft, actual: Actual, attempt: Change | Problems | Failure | None
) -> Thing:
    seen, why, remedy = actual.get(draft.address), draft.blocked, draft.allow
    said = attempt.problems[0] if isinstance(attempt, Problems) else attempt
    if isinstance(said, Problem | Failure):
        why, remedy = said.summary, said.hint
    status, makes = _status(draft, seen), draft.own is Action.CREATE
    return Thing(
        draft.resource, status, seen,
        # Of what is not there, everything: its manifest says that already.
        diffs=() if makes else draft.diffs,
        action=draft.own or draft.action,
        why=why,
        remedy=remedy,
    )


def _status(draft: Draft, seen: Observed | Unknown | None) -> Status:
    if isinstance(seen, Unknown):
        return Status.UNKNOWN
    if seen is None or not seen.fields:
        return Status.MISSING
    if seen.ownership is not Ownership.OURS:
        return Status.FOREIGN
    # What comes down only for others is as it should be.
    changes = draft.own is not None or bool(draft.renewed_for)
    return Status.DRIFTED if changes else Status.READY
