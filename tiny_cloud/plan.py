"""Desired resources and the observed host become a Plan. Pure: no call here touches anything."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

from msgspec.structs import replace

from tiny_cloud import downtime, handover, ordering, removal, rules
from tiny_cloud.draft import Draft, Drafts, machines_above, matches, standing_on
from tiny_cloud.errors import Failure, Problem, Problems
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    Cloud,
    Consents,
    Impact,
    Note,
    Observed,
    Plan,
    Unknown,
)
from tiny_cloud.resource import Resource

NO_CONSENTS = Consents()


def plan(
    resources: Sequence[Resource],
    actual: Mapping[Address, Observed | Unknown],
    *,
    cloud: Cloud,
    consents: Consents = NO_CONSENTS,
    undeclared: Sequence[Resource] = (),
    prune: bool = False,
) -> Plan:
    """What would bring the host to what ``resources`` (in dependency order) declare.

    ``undeclared`` is what the cloud owns beyond them: noted, or removed with ``prune``.
    Raises Problems for what can never be done (shrinking a disk, making what is external).
    """
    if problems := rules.missing(resources, actual):
        raise Problems(problems)
    leaving = [seen.domain for item in undeclared if prune
               and isinstance(seen := actual.get(item.address), Observed)]
    drafts, notes = drafted(resources, actual, consents, leaving)
    changes = _changes(drafts, consents)
    if prune:
        gone = removal.removals(undeclared, actual, consents, changes)
        changes, notes = changes + gone.changes, notes + list(gone.notes)
    else:
        notes += removal.undeclared_notes(undeclared, actual)
    links = ordering.links_of([*resources, *undeclared])
    return Plan(cloud, changes, tuple(notes), ordering.tasks(changes, links))


def drafted(
    resources: Sequence[Resource],
    actual: Mapping[Address, Observed | Unknown],
    consents: Consents = NO_CONSENTS,
    leaving: Collection[str] = (),
) -> tuple[Drafts, list[Note]]:
    """What would be done to each, before anybody says how. ``leaving``: domains that nobody
    declares and that go."""
    notes: list[Note] = []
    drafts = {item.address: rules.first_draft(item, actual, consents, notes) for item in resources}
    rules.guard(drafts, consents)
    rules.preserve(drafts)
    rules.contain(drafts)
    rules.wake(drafts, consents, notes)
    rules.spare(drafts)
    rules.withhold(drafts)
    downtime.settle(drafts, consents, leaving)
    return drafts, notes


def destroy(
    resources: Sequence[Resource],
    actual: Mapping[Address, Observed | Unknown],
    *,
    cloud: Cloud,
    consents: Consents = NO_CONSENTS,
) -> Plan:
    """What removes everything ``resources`` declare; data follows its policy and the consents."""
    gone = removal.removals(resources, actual, consents)
    links = ordering.links_of(resources)
    return Plan(cloud, gone.changes, gone.notes, ordering.tasks(gone.changes, links))


def _changes(drafts: Drafts, consents: Consents) -> tuple[Change, ...]:
    """Raises Problems for what can never be done."""
    found: list[Change] = []
    problems: list[Problem] = []
    for made in attempted(drafts, consents).values():
        if isinstance(made, Failure):
            raise made
        if isinstance(made, Problems):
            problems += made.problems
        else:
            found.append(made)
    if problems:
        raise Problems(problems)
    return tuple(found)


def attempted(
    drafts: Drafts, consents: Consents = NO_CONSENTS
) -> Mapping[Address, Change | Problems | Failure]:
    """What is done to each, step by step, or why that can never be done."""
    found: dict[Address, Change | Problems | Failure] = {}
    resting, fillers = downtime.resting(drafts), rules.fillers(drafts)
    standing = standing_on(drafts)
    for address, draft in drafts.items():
        if draft.action is None:
            continue
        change = _change(draft, drafts, resting, fillers)
        change = replace(change, force=matches(consents.force_off, address),
                         restarts=_restarts(draft, change.impact, standing))
        try:
            found[address] = _with_steps(draft.resource, change)
        except (Problems, Failure) as error:
            found[address] = error
    return found


def _change(
    draft: Draft,
    drafts: Drafts,
    resting: Container[Address],
    fillers: Mapping[Address, tuple[Address, ...]],
) -> Change:
    assert draft.action is not None
    around = _around(draft.resource)
    # A new version of an image lies beside the one that a disk stands on.
    fresh = frozenset(a for a in around if a in drafts and drafts[a].makes
                      and not drafts[a].resource.VERSIONED)
    inside = ordering.container_of(draft.resource)
    making = draft.action in ordering.MAKING
    observed, rests = draft.observed, downtime.needs_rest(draft, drafts)
    if observed and draft.address in resting and not draft.stop:
        rests = rests or observed.running
        observed = replace(observed, running=False, users=())
    return Change(
        address=draft.address,
        action=draft.action,
        diffs=draft.diffs,
        impact=_impact(draft, rests),
        because=_because(draft, drafts),
        blocked=draft.blocked,
        allow=draft.allow,
        observed=observed,
        stop=draft.stop,
        rests=rests,
        lets_go=draft.lets_go,
        takes=handover.data_taken(draft, drafts),
        aside=making and (inside is None or inside in fresh),
        fresh=fresh,
        rebased={a: diff.new is not None for a in around
                 if a in drafts and (diff := drafts[a].rebased)},
        fillers=fillers.get(draft.address, ()) if making else (),
        around={a: seen for a in around if a in drafts and (seen := drafts[a].observed)},
        former=observed.former if observed and draft.renames else None,
        span=draft.resource.span,
    )


def _around(resource: Resource) -> list[Address]:
    """What it refers to, and what the data among that stands on at any depth."""
    found: dict[Address, None] = {}
    todo = list(resource.links.values())
    while todo:
        link = todo.pop(0)
        if link.address not in found:
            found[link.address] = None
            todo += link.links.values() if link.IS_DATA else ()
    return list(found)


def _because(draft: Draft, drafts: Drafts) -> tuple[str, ...]:
    # What was not there before is no reason: the field that names it says enough.
    renewed = [f"{a} {_becomes(drafts[a])}" for a in draft.renewed_for
               if drafts[a].own is not Action.CREATE or drafts[a].observed]
    return tuple(dict.fromkeys((*draft.because, *renewed, *draft.stop_because)))


def _becomes(draft: Draft) -> str:
    if draft.makes:
        return draft.made
    return "is renamed" if draft.renames else "stands on something else"


def _impact(draft: Draft, rests: bool) -> Impact:
    if draft.own is Action.CREATE:
        return Impact.NONE
    if draft.stop and not draft.ends:
        return Impact.RESTART
    worst = max((diff.impact for diff in draft.diffs), key=list(Impact).index, default=Impact.NONE)
    if rests and draft.runs and worst is not Impact.DESTROYS:
        return Impact.RESTART
    off = draft.resource.INTERRUPTS and not draft.runs
    return Impact.NONE if worst in (Impact.NEXT_BOOT, Impact.LIVE) and off else worst


def _restarts(
    draft: Draft, impact: Impact, standing: Mapping[Address, list[Draft]]
) -> tuple[Address, ...]:
    if impact is not Impact.RESTART:
        return ()
    above = [] if draft.resource.INTERRUPTS else machines_above(draft.address, standing)
    return tuple(other.address for other in above) or (draft.address,)


def _with_steps(resource: Resource, change: Change) -> Change:
    if change.blocked:
        return change
    return replace(
        change,
        down=tuple(resource.down(change)) if change.stop else (),
        up=tuple(resource.up(change)),
        seal=tuple(resource.seal(change)),
    )
