"""The planner's last pass over drafts: what must come down, and with whose consent. Pure.

Also what is written anew for what is made anew, and what waits for something blocked.
"""

from __future__ import annotations

from collections.abc import Collection

from tiny_cloud import handover, ordering
from tiny_cloud.draft import Draft, Drafts, container, machines_above, matches, standing_on
from tiny_cloud.model import Action, Address, Consents, Impact


def settle(drafts: Drafts, consents: Consents, leaving: Collection[str] = ()) -> None:
    """To a fixed point: what is blocked cannot come down, and holds back what needs it down.
    ``leaving``: domains that nobody declares and that go in this plan."""
    standing, holders = standing_on(drafts), handover.holders(drafts)
    expected = {*leaving, *(item.observed.domain for item in drafts.values() if item.observed)}
    blocked = -1
    while blocked != (blocked := sum(bool(draft.blocked) for draft in drafts.values())):
        for draft in drafts.values():
            draft.stop, draft.stop_because = draft.wakes, []
            draft.renewed_for = _renewed_for(draft, drafts)
        for draft in drafts.values():
            if needs_rest(draft, drafts):
                _take_down(draft, machines_above(draft.address, standing), drafts, consents)
        for draft in drafts.values():
            _hold_back(draft, drafts)
            handover.await_others(draft, drafts, holders, expected)
            if draft.renames and draft.resource.MOVES:
                _keep_name(draft, standing[draft.address])


def _renewed_for(draft: Draft, drafts: Drafts) -> list[Address]:
    """What names files is written anew when one of them is made anew, or renamed."""
    if not draft.usable or not draft.resource.NAMES_PATHS:
        return []
    below = [drafts[a] for a in ordering.ordered_links(draft.resource) if a in drafts]
    made = [item.address for item in below
            if item.makes and item.resource.IS_DATA and not item.resource.VERSIONED
            and container(item, drafts) is None]
    moved = [item.address for item in below if item.works and (
        item.rebased or (item.renames and item.resource.MOVES))]
    return made + moved


def needs_rest(draft: Draft, drafts: Drafts) -> bool:
    """Whether this change can only be made while nobody uses the thing."""
    if not draft.works or draft.resource.INTERRUPTS:
        return False
    moves = draft.renames and draft.resource.MOVES
    if draft.own is Action.REPLACE or draft.has(Impact.RESTART) or moves:
        return True
    # Written into something that is already there: whoever uses that must let go of it first.
    around = container(draft, drafts)
    return draft.own is Action.CREATE and around is not None and not around.makes


def _take_down(draft: Draft, machines: list[Draft], drafts: Drafts, consents: Consents) -> None:
    stuck = [d for d in machines if d.blocked]
    missing = [
        d.address for d in machines if not d.ends and not matches(consents.restart, d.address)
    ]
    users = [] if machines else _users(draft, drafts)
    if users:
        draft.block(f"it is in use by the running domain {', '.join(users)}")
    elif stuck:
        draft.block(f"{stuck[0].address} uses it and is blocked")
    elif missing:
        flags = " ".join(f"--restart {address}" for address in missing)
        draft.block(f"{', '.join(map(str, missing))} runs and would have to restart", flags)
    else:
        for machine in machines:
            machine.stop = True
            machine.stop_because.append(f"{draft.address} changes while it is off")


def _keep_name(draft: Draft, above: list[Draft]) -> None:
    """A file keeps its name while somebody's definition names it and cannot be written anew."""
    for other in above:
        if other.blocked and other.observed and other.resource.NAMES_PATHS:
            draft.block(f"{other.address} uses it and is blocked")


def _users(draft: Draft, drafts: Drafts) -> list[str]:
    around = container(draft, drafts)
    seen = [draft.observed, around.observed if around else None]
    return sorted({user for item in seen if item for user in item.users})


def _hold_back(draft: Draft, drafts: Drafts) -> None:
    if draft.action is None:
        return
    around = container(draft, drafts)
    if around is not None and around.own in ordering.MAKING and around.blocked:
        draft.block(f"it waits for {around.address}, which is blocked")
    for target in ordering.ordered_links(draft.resource):
        below = drafts.get(target)
        if below is not None and below.blocked and not (below.usable and not below.renames):
            draft.block(f"it waits for {target}, which is blocked")


def resting(drafts: Drafts) -> frozenset[Address]:
    """Those below machines that all come down in this plan: by then nobody uses them."""
    standing = standing_on(drafts)
    found = set()
    for address, draft in drafts.items():
        # What interrupts is not at rest because of that: a network goes on without its machines.
        machines = [] if draft.resource.INTERRUPTS else machines_above(address, standing)
        if machines and all(d.stop and d.works for d in machines):
            found.add(address)
    return frozenset(found)
