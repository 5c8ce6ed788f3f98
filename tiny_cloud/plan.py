"""Desired resources and the observed host become a Plan. Pure: no call here touches anything."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from tiny_cloud import ordering, removal, rules
from tiny_cloud.errors import Problem, Problems
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
    Raises Problems for what can never be done (shrinking a disk).
    """
    notes: list[Note] = []
    drafts = {item.address: rules.first_draft(item, actual, consents, notes) for item in resources}
    rules.contain(drafts)
    for draft in drafts.values():
        rules.guard(draft, consents)
    rules.wake(drafts, consents, notes)
    rules.fall(drafts, consents)
    rules.hold_back(drafts)
    changes = _changes(drafts, consents)
    if prune:
        gone = removal.removals(undeclared, actual, consents)
        changes, notes = changes + gone.changes, notes + list(gone.notes)
    else:
        notes += [
            Note(item.address, "owned and no longer declared; --prune removes it")
            for item in undeclared
            if not removal.follows_container(item)
        ]
    links = ordering.links_of([*resources, *undeclared])
    return Plan(cloud, changes, tuple(notes), ordering.tasks(changes, links))


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


def _changes(drafts: rules.Drafts, consents: Consents) -> tuple[Change, ...]:
    found: list[Change] = []
    problems: list[Problem] = []
    resting, fillers = rules.resting(drafts), rules.fillers(drafts)
    for draft in drafts.values():
        if draft.action is None:
            continue
        change = _change(draft, drafts, consents, resting, fillers)
        try:
            steps = _steps(draft.resource, change)
        except Problems as error:
            problems += error.problems
            continue
        found.append(steps)
    if problems:
        raise Problems(problems)
    return tuple(found)


def _change(
    draft: rules.Draft,
    drafts: rules.Drafts,
    consents: Consents,
    resting: Container[Address],
    fillers: Mapping[Address, tuple[Address, ...]],
) -> Change:
    assert draft.action is not None
    around = [link.address for link in draft.resource.links.values()]
    fresh = frozenset(a for a in around if a in drafts and drafts[a].action in ordering.MAKING)
    container = ordering.container_of(draft.resource)
    making = draft.action in ordering.MAKING
    observed = draft.observed
    if observed and draft.resource.address in resting and not draft.stop:
        observed = replace(observed, running=False, users=())
    impact = max((diff.impact for diff in draft.diffs), key=list(Impact).index, default=Impact.NONE)
    if draft.stop:
        impact = Impact.RESTART
    if draft.action is Action.CREATE or (impact is Impact.NEXT_BOOT and not _runs(draft)):
        impact = Impact.NONE
    return Change(
        address=draft.resource.address,
        action=draft.action,
        diffs=draft.diffs,
        impact=impact,
        because=tuple(dict.fromkeys(draft.because)),
        blocked=draft.blocked,
        allow=draft.allow,
        observed=observed,
        stop=draft.stop,
        aside=making and (container is None or container in fresh),
        fresh=fresh,
        fillers=fillers.get(draft.resource.address, ()) if making else (),
        around={a: seen for a in around if a in drafts and (seen := drafts[a].observed)},
        force=rules.matches(consents.force_off, draft.resource.address),
        span=draft.resource.span,
    )


def _runs(draft: rules.Draft) -> bool:
    return draft.observed is not None and draft.observed.running


def _steps(resource: Resource, change: Change) -> Change:
    if change.blocked:
        return change
    return replace(
        change,
        down=tuple(resource.down(change)) if change.stop else (),
        up=tuple(resource.up(change)),
        seal=tuple(resource.seal(change)),
    )
