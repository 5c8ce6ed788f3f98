"""The planner's rules over drafts: each pass only adds to what the one before it found. Pure.

1. ``first_draft``  what differs, for each thing by itself
2. ``contain``      what is inside a thing that is made anew is made anew with it
3. ``guard``        ownership, protection, consent to lose data
4. ``wake``         what waits for a restart is done when a restart comes or none is needed
5. ``fall``         what must come down, and what stands on it; consent to interrupt
6. ``hold_back``    what waits for something blocked is blocked too
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tiny_cloud import ordering
from tiny_cloud.diff import created, differences
from tiny_cloud.model import (
    Action,
    Address,
    Consents,
    FieldDiff,
    Impact,
    Note,
    Observed,
    Ownership,
    Unknown,
)
from tiny_cloud.resource import Resource


@dataclass(slots=True)
class Draft:
    """A change in the making."""

    resource: Resource
    observed: Observed | None = None
    action: Action | None = None
    diffs: tuple[FieldDiff, ...] = ()
    because: list[str] = field(default_factory=list)
    blocked: str = ""
    allow: str = ""
    stop: bool = False
    unknown: bool = False

    def block(self, why: str, allow: str = "") -> None:
        if not self.blocked:
            self.blocked, self.allow = why, allow

    @property
    def works(self) -> bool:
        return self.action is not None and not self.blocked

    @property
    def offline(self) -> bool:
        """Whether what it does needs its contents not to be in use."""
        return self.works and (
            self.action in (Action.REPLACE, Action.DELETE, Action.RESTART)
            or any(diff.impact is Impact.RESTART for diff in self.diffs)
        )


Drafts = Mapping[Address, Draft]


def matches(patterns: Iterable[str], address: Address) -> bool:
    return any(fnmatchcase(str(address), pattern) for pattern in patterns)


def first_draft(
    resource: Resource,
    actual: Mapping[Address, Observed | Unknown],
    consents: Consents,
    notes: list[Note],
) -> Draft:
    seen = actual.get(resource.address)
    if isinstance(seen, Observed) and not seen.fields and not seen.complete:
        draft = Draft(resource, action=Action.CREATE, diffs=created(resource))
        draft.because.append("an earlier apply was cut off")
        return draft
    if isinstance(seen, Unknown):
        draft = Draft(resource, action=Action.UPDATE, unknown=True)
        draft.block(f"it cannot be observed: {seen.reason}", seen.hint)
        return draft
    if seen is None:
        return Draft(resource, action=Action.CREATE, diffs=created(resource))
    diffs, remarks = differences(resource, seen)
    notes += [*remarks, *(Note(resource.address, text) for text in seen.notes)]
    draft = Draft(resource, seen, diffs=diffs)
    if any(diff.impact is Impact.DESTROYS for diff in diffs):
        draft.action = Action.REPLACE
    elif diffs:
        draft.action = Action.UPDATE
    if not seen.complete and seen.ownership is Ownership.OURS:
        draft.action = draft.action or Action.UPDATE
        draft.because.append("an earlier apply was cut off")
    if seen.ownership is Ownership.UNSTAMPED and matches(consents.adopt, resource.address):
        draft.action = draft.action or Action.UPDATE
        draft.because.append("it is taken over")
    return draft


def contain(drafts: Drafts) -> None:
    for draft in drafts.values():
        container = ordering.container_of(draft.resource)
        if container is None or container not in drafts:
            continue
        around = drafts[container]
        if around.action in ordering.MAKING:
            draft.action, draft.diffs = Action.CREATE, created(draft.resource)
            draft.unknown, draft.blocked, draft.allow = False, "", ""
            if draft.observed is not None:
                draft.because.append(f"{container} is made anew")


def guard(draft: Draft, consents: Consents) -> None:
    seen, address = draft.observed, draft.resource.address
    if seen is None:
        return
    if seen.ownership is Ownership.FOREIGN:
        draft.action = draft.action or Action.UPDATE
        draft.block(f"what is there is not ours: {seen.owner}")
    elif seen.ownership is Ownership.UNSTAMPED and not matches(consents.adopt, address):
        draft.action = draft.action or Action.UPDATE
        draft.block("it exists and was not made here", f"--adopt {address}")
    elif draft.action is Action.REPLACE and seen.protected:
        draft.block("it is protected (annotation tinycloud/protect)")
    elif draft.action is Action.REPLACE and not matches(consents.replace, address):
        fields = ", ".join(d.field for d in draft.diffs if d.impact is Impact.DESTROYS)
        draft.block(f"{fields} can change only by making it anew", f"--replace {address}")


def _standing_on(drafts: Drafts) -> dict[Address, list[Draft]]:
    found: dict[Address, list[Draft]] = {address: [] for address in drafts}
    for draft in drafts.values():
        for target in ordering.ordered_links(draft.resource):
            if target in found:
                found[target].append(draft)
    return found


def wake(drafts: Drafts, consents: Consents, notes: list[Note]) -> None:
    standing = _standing_on(drafts)
    for address, draft in drafts.items():
        if draft.observed is None or not draft.observed.pending or draft.blocked:
            continue
        machines = [d for d in [draft, *standing[address]] if d.resource.INTERRUPTS]
        allowed = any(matches(consents.restart, d.resource.address) for d in machines)
        if draft.observed.running and not allowed:
            fields = ", ".join(draft.observed.pending)
            flag = f" (--restart {machines[0].resource.address})" if machines else ""
            notes.append(Note(address, f"waits for a restart{flag}: {fields}"))
        elif draft.resource.INTERRUPTS:
            draft.action = draft.action or Action.RESTART
            draft.stop = True
            draft.because.append("waits for a restart: " + ", ".join(draft.observed.pending))
        else:
            draft.action = draft.action or Action.UPDATE
            draft.diffs += tuple(
                FieldDiff(name, draft.observed.fields.get(name), True, Impact.RESTART)
                for name in draft.observed.pending
            )


def fall(drafts: Drafts, consents: Consents) -> None:
    """Decide who comes down because of whom, from the ground up."""
    standing = _standing_on(drafts)
    for address, draft in drafts.items():
        if not _needs_rest(draft, drafts):
            continue
        above = _running_above(address, standing)
        machines = [d for d in above if d.resource.INTERRUPTS]
        if not machines and not draft.resource.INTERRUPTS:
            users = _users(draft, drafts)
            if users:
                draft.block(f"it is in use by the running domain {', '.join(users)}")
            continue
        missing = [
            d.resource.address
            for d in machines
            if not matches(consents.restart, d.resource.address)
        ]
        if missing:
            flags = " ".join(f"--restart {name}" for name in missing)
            draft.block(f"{', '.join(map(str, missing))} runs and would have to restart", flags)
            continue
        for other in machines:
            other.stop = True
            other.action = other.action or Action.RESTART
            other.because.append(f"{address} changes while it is off")


def _needs_rest(draft: Draft, drafts: Drafts) -> bool:
    """Whether this change can only be made while nobody uses the thing."""
    if not draft.works or draft.resource.INTERRUPTS:
        return False
    if draft.offline:
        return True
    container = ordering.container_of(draft.resource)
    # Written into something that is already there: whoever uses that must let go of it first.
    around = drafts.get(container) if container else None
    return (
        draft.action is Action.CREATE
        and around is not None
        and around.action not in ordering.MAKING
    )


def _users(draft: Draft, drafts: Drafts) -> tuple[str, ...]:
    container = ordering.container_of(draft.resource)
    around = drafts.get(container) if container else None
    seen = [draft.observed, around.observed if around else None]
    return tuple(sorted({user for item in seen if item for user in item.users}))


def _running_above(address: Address, standing: Mapping[Address, list[Draft]]) -> list[Draft]:
    """Everything that stands on it, at any height, and runs."""
    found: dict[Address, Draft] = {}
    todo = list(standing[address])
    while todo:
        draft = todo.pop()
        if draft.resource.address in found:
            continue
        found[draft.resource.address] = draft
        todo += standing[draft.resource.address]
    return [draft for draft in found.values() if draft.observed and draft.observed.running]


def resting(drafts: Drafts) -> frozenset[Address]:
    """Those below machines that all come down in this plan: by then nobody uses them."""
    standing = _standing_on(drafts)
    found = set()
    for address in drafts:
        machines = [d for d in _running_above(address, standing) if d.resource.INTERRUPTS]
        if machines and all(d.stop for d in machines):
            found.add(address)
    return frozenset(found)


def fillers(drafts: Drafts) -> Mapping[Address, tuple[Address, ...]]:
    """Who writes into a thing in this plan, by the thing."""
    found: dict[Address, tuple[Address, ...]] = {}
    for address, draft in drafts.items():
        container = ordering.container_of(draft.resource)
        if container is not None and draft.works:
            found[container] = (*found.get(container, ()), address)
    return found


def hold_back(drafts: Drafts) -> None:
    for draft in drafts.values():
        if draft.action is None:
            continue
        for target in ordering.ordered_links(draft.resource):
            below = drafts.get(target)
            if below and below.blocked and (below.observed is None or below.unknown):
                draft.block(f"it waits for {target}, which is blocked")
