"""A disk that moves from one machine to another: only one can have it at a time. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence

from tiny_cloud.draft import Draft, Drafts
from tiny_cloud.model import Address


def data_taken(draft: Draft, drafts: Drafts) -> frozenset[Address]:
    """What it uses from this change on, and what nobody else can use meanwhile."""
    return frozenset(target for target in draft.takes
                     if target in drafts and drafts[target].resource.IS_DATA)


def holders(drafts: Drafts) -> Mapping[Address, Sequence[Draft]]:
    """By thing: the running machines that have it now, and shall not any more."""
    found: dict[Address, list[Draft]] = defaultdict(list)
    for draft in drafts.values():
        for target in draft.leaves if draft.runs and draft.resource.INTERRUPTS else ():
            found[target].append(draft)
    return found


def await_others(
    draft: Draft, drafts: Drafts, holders: Mapping[Address, Sequence[Draft]],
    expected: Container[str],
) -> None:
    """It is free only when the machine that had it has let go of it. ``expected``: the domains that
    this plan knows of: those that are declared, and those that go."""
    for target in data_taken(draft, drafts) if draft.works else ():
        for other in holders.get(target, ()):
            if other is draft:
                continue
            if other.blocked:
                draft.block(f"it waits for {target}: {other.address} has it and is blocked")
            elif target not in other.lets_go:
                draft.block(f"it waits for {target}, which {other.address} has until it restarts",
                            f"--restart {other.address}")
        seen = drafts[target].observed
        others = [name for name in (seen.users if seen else ()) if name not in expected]
        if others:
            draft.block(f"{target} is in use by the running domain {', '.join(others)}")
