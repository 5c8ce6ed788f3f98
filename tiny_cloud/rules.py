"""The planner's rules over drafts: each pass only adds to what the one before it found. Pure.

1. ``first_draft``  what differs, for each thing by itself
2. ``guard``        ownership, protection, consent to lose data
3. ``preserve``     what others stand on is not changed
4. ``contain``      what is inside a thing that is made anew is made anew with it
5. ``wake``         what waits for a restart is done when a restart comes or none is needed
6. ``spare``        what does not restart under other people's machines
7. ``withhold``     nobody writes to what others stand on

The eighth, which goes round until nothing changes, is ``downtime.settle``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tiny_cloud import ordering, schema
from tiny_cloud.diff import created, differences
from tiny_cloud.draft import Draft, Drafts, container, matches, standing_on
from tiny_cloud.errors import Problem
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
from tiny_cloud.naming import former
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import format_size

CUT_OFF = "an earlier apply was cut off"


def first_draft(
    resource: Resource,
    actual: Mapping[Address, Observed | Unknown],
    consents: Consents,
    notes: list[Note],
) -> Draft:
    seen = actual.get(resource.address)
    if isinstance(seen, Unknown):
        return _unknown(resource, seen, consents)
    if resource.external:
        return _external(resource, seen, notes)
    if seen is None:
        return Draft(resource, own=Action.CREATE, diffs=created(resource))
    if not seen.fields and not seen.complete:
        return Draft(resource, own=Action.CREATE, diffs=created(resource), because=[CUT_OFF])
    # Of what is no data there is no reason to ask for another one.
    anew = resource.IS_DATA and matches(consents.replace, resource.address)
    found, remarks = differences(resource, seen, anew=anew)
    known = {diff.field for diff in found}
    diffs = (*resource.costs(found, seen), *(d for d in seen.drifted if d.field not in known))
    notes += [*remarks, *(Note(resource.address, text) for text in seen.notes)]
    diffs, refused = _taken_up(resource, seen, diffs, consents, notes)
    draft = Draft(resource, seen, diffs=diffs)
    if draft.has(Impact.DESTROYS):
        draft.own = Action.REPLACE
    elif diffs:
        draft.own = Action.UPDATE
    if not seen.complete and seen.ownership is Ownership.OURS:
        draft.own = draft.own or Action.UPDATE
        draft.because.append(CUT_OFF)
    if seen.former:
        draft.own = draft.own or Action.UPDATE
    if seen.ownership is Ownership.UNSTAMPED and matches(consents.adopt, resource.address):
        draft.own = draft.own or Action.UPDATE
        draft.because.append("it is taken over")
    if refused:
        draft.block(refused)
    return draft


def _taken_up(
    resource: Resource, seen: Observed, diffs: tuple[FieldDiff, ...], consents: Consents,
    notes: list[Note],
) -> tuple[tuple[FieldDiff, ...], str]:
    """The differences with what is made only on request, and why it cannot be made."""
    alone = matches(consents.flatten, resource.address)
    offer = resource.offer(seen, alone=alone)
    if offer is None:
        return diffs, ""
    if alone or matches(consents.rebase, resource.address):
        return (*diffs, offer.diff), offer.blocked
    if matches(consents.replace, resource.address):
        return (*diffs, replace(offer.diff, impact=Impact.DESTROYS)), ""
    notes.append(Note(resource.address, offer.note))
    return diffs, ""


def missing(
    resources: Iterable[Resource], actual: Mapping[Address, Observed | Unknown]
) -> list[Problem]:
    """External things that are not there: nobody here can make them."""
    return [
        problem
        for item in resources
        if item.external and item.address not in actual
        for problem in item.refuse(
            ("spec", "external"), f"{item.address} is external, and there is no such thing",
            "make it first, or take external out",
        ).problems
    ]


def _external(resource: Resource, seen: Observed | None, notes: list[Note]) -> Draft:
    """It is compared, and whatever differs stays as it is."""
    if seen is not None:
        notes += [Note(resource.address, text) for text in seen.notes]
        for diff in differences(resource, seen)[0]:
            sized = schema.keyword(resource.KIND, diff.field, "x-size")
            old, new = (format_size(v) if sized and isinstance(v, int) else v
                        for v in (diff.old, diff.new))
            text = f"{diff.field} is {old}, and {new} is declared; it is external and stays so"
            notes.append(Note(resource.address, text))
    return Draft(resource, seen)


def _unknown(resource: Resource, seen: Unknown, consents: Consents) -> Draft:
    draft = Draft(resource, own=Action.UPDATE, unknown=True)
    if seen.adoptable and matches(consents.adopt, resource.address):
        draft = Draft(resource, own=Action.CREATE, diffs=created(resource))
        draft.because.append(f"{seen.reason}; it is taken over")
        return draft
    hint = f"--adopt {resource.address}" if seen.adoptable else seen.hint
    draft.block(f"it cannot be observed: {seen.reason}", hint)
    return draft


def guard(drafts: Drafts, consents: Consents) -> None:
    for address, draft in drafts.items():
        seen = draft.observed
        if seen is None or draft.resource.external:
            continue
        if seen.rival:
            draft.own = draft.own or Action.UPDATE
            draft.block(f"it is renamed from {former(draft.resource)}, and {seen.rival}")
        elif seen.ownership is Ownership.FOREIGN:
            draft.own = draft.own or Action.UPDATE
            draft.block(f"what is there is not ours: {seen.owner}")
        elif seen.ownership is Ownership.UNSTAMPED and not matches(consents.adopt, address):
            draft.own = draft.own or Action.UPDATE
            what = f"it is {seen.owner}" if seen.owner else "it exists and was not made here"
            draft.block(what, f"--adopt {address}")
        elif draft.own is Action.REPLACE and is_protected(draft.resource, seen):
            draft.block("it is protected (annotation tinycloud/protect)")
        elif draft.own is Action.REPLACE and not matches(consents.replace, address):
            fields = ", ".join(d.field for d in draft.diffs if d.impact is Impact.DESTROYS)
            draft.block(f"{fields} can change only by making it anew", f"--replace {address}")
        if _is_held(draft):
            draft.block(seen.held)
    for draft in drafts.values():
        # What is written into it would go below what its snapshots keep.
        around = container(draft, drafts)
        if around is not None and draft.own and around.observed and (
                around.observed.held and around.observed.held_fields is None):
            draft.block(around.observed.held)


def _is_held(draft: Draft) -> bool:
    seen = draft.observed
    if seen is None or not seen.held or draft.own is None:
        return False
    changes = {diff.field for diff in draft.diffs}
    stays = seen.held_fields
    return (stays is None or bool(changes & stays) or draft.renames
            or draft.own is Action.REPLACE)


def preserve(drafts: Drafts) -> None:
    """What others stand on is not changed, and nothing is put on what somebody writes to."""
    for draft in drafts.values():
        seen, layer = draft.observed, draft.resource.LAYERS
        if layer and seen and seen.needed_by and (
                draft.renames or any(diff.impact is not Impact.NONE for diff in draft.diffs)):
            draft.block(f"{_names(seen.needed_by)} stands on it, and a base is never written")
        for target in ordering.ordered_links(draft.resource) if layer and draft.makes else ():
            if writers := _writers(target, drafts):
                draft.block(f"{target} is in use by the running domain {', '.join(writers)}, "
                            "and what others stand on is never written")


def withhold(drafts: Drafts) -> None:
    """What others stand on is not written by what uses it or lives inside it."""
    for draft in drafts.values():
        for below in _bases(draft, drafts):
            if draft.action or (draft.resource.INTERRUPTS and draft.runs and not draft.ends):
                draft.own = draft.own or Action.UPDATE
                draft.block(f"it would write to {below.address}, on which "
                            f"{_names(below.observed.needed_by if below.observed else ())} stands")


def _bases(draft: Draft, drafts: Drafts) -> list[Draft]:
    """The bases among what it writes to."""
    runs = draft.resource.desired().get("running", True)
    below = [drafts[a] for a in sorted(draft.resource.writes()) if runs and a in drafts]
    return [item for item in below
            if item.resource.LAYERS and item.observed and item.observed.needed_by]


def _writers(target: Address, drafts: Drafts) -> list[str]:
    """Running domains that have it open, but those that are known only to read it."""
    seen = drafts[target].observed if target in drafts else None
    if seen is None or not seen.users or not drafts[target].resource.IS_DATA:
        return []
    readers = {other.observed.domain for other in drafts.values() if other.observed
               and target in ordering.ordered_links(other.resource)
               and target not in other.resource.writes()}
    return sorted(set(seen.users) - readers)


def _names(addresses: Iterable[Address]) -> str:
    return ", ".join(map(str, addresses))


def is_protected(resource: Resource, seen: Observed) -> bool:
    """As declared now or, kept with the object, at the last apply: an apply is what lifts it."""
    return bool(resource.policy().get("protect") or seen.policy.get("protect"))


def contain(drafts: Drafts) -> None:
    for draft in drafts.values():
        around = container(draft, drafts)
        if around is not None and around.makes:
            draft.own, draft.diffs = Action.CREATE, created(draft.resource)
            draft.unknown, draft.blocked, draft.allow = False, "", ""
            if draft.observed is not None:
                draft.because.append(f"{around.address} {around.made}")


def wake(drafts: Drafts, consents: Consents, notes: list[Note]) -> None:
    standing = standing_on(drafts)
    for address, draft in drafts.items():
        if draft.observed is None or draft.blocked or draft.resource.external:
            continue
        agreed = matches(consents.restart, address)
        if draft.resource.INTERRUPTS and draft.runs and agreed and (
                draft.has(Impact.NEXT_BOOT) or draft.resource.asks_guest(draft.diffs)):
            draft.wakes = True
        if draft.resource.INTERRUPTS and draft.runs and draft.renames:
            draft.wakes = agreed or draft.ends
            if not draft.wakes:
                why = "it runs and can be renamed only while it is off"
                draft.block(why, f"--restart {address}")
                continue
        pending = _pending(draft, drafts)
        # What interrupts restarts for itself alone: a machine on a network does not restart that.
        above = [draft] if draft.resource.INTERRUPTS else standing[address]
        machines = [d for d in above if d.resource.INTERRUPTS and d.runs]
        stopping = any(d.ends or matches(consents.restart, d.address) for d in machines)
        if draft.has(Impact.NEXT_BOOT) and not draft.resource.INTERRUPTS:
            for machine in machines:
                if matches(consents.restart, machine.address):
                    machine.wakes = True
                    machine.because.append(f"{address} takes effect when it boots")
        if not pending or draft.ends:
            continue
        if draft.runs and not stopping:
            flag = f" (--restart {machines[0].address})" if machines else ""
            notes.append(Note(address, f"waits for a restart{flag}: {', '.join(pending)}"))
        elif draft.resource.INTERRUPTS:
            draft.wakes = True
            draft.because.append("waits for a restart: " + ", ".join(pending))
        elif draft.own is not Action.CREATE:
            draft.own = draft.own or Action.UPDATE
            draft.diffs += tuple(FieldDiff(f, False, True, Impact.RESTART) for f in pending)


def spare(drafts: Drafts) -> None:
    """What other people's running machines use is not taken from under them."""
    for draft in drafts.values():
        strangers = draft.observed.strangers if draft.observed else ()
        if draft.wakes and strangers:
            draft.block(f"it would restart under {', '.join(strangers)}, which is not of this "
                        "cloud and is running")


def _pending(draft: Draft, drafts: Drafts) -> tuple[str, ...]:
    """What waits already, and what a change of its container makes it wait for."""
    around = container(draft, drafts)
    seen = draft.observed.pending if draft.observed else ()
    stirred = draft.resource.stirred_by(around.diffs) if around and around.works else ()
    return tuple(dict.fromkeys((*seen, *stirred)))


def fillers(drafts: Drafts) -> Mapping[Address, tuple[Address, ...]]:
    """Who writes into a thing in this plan, by the thing."""
    found: dict[Address, tuple[Address, ...]] = {}
    for address, draft in drafts.items():
        inside = ordering.container_of(draft.resource)
        if inside is not None and draft.works:
            found[inside] = (*found.get(inside, ()), address)
    return found
