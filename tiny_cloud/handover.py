"""A disk that moves from one machine to another: only one can have it at a time. Pure."""

from __future__ import annotations

from collections.abc import Container

from tiny_cloud.draft import Draft, Drafts
from tiny_cloud.model import Address


def data_taken(draft: Draft, drafts: Drafts) -> frozenset[Address]:
    """What it uses from this change on, and what nobody else can use meanwhile."""
    return frozenset(target for target in draft.takes
                     if target in drafts and drafts[target].resource.IS_DATA)


def await_others(draft: Draft, drafts: Drafts, leaving: Container[str]) -> None:
    """It is free only when the machine that had it has let go of it. ``leaving``: domains that
    nobody declares and that go in this plan."""
    for target in data_taken(draft, drafts) if draft.works else ():
        holders = [other for other in drafts.values() if other is not draft and other.runs
                   and other.resource.INTERRUPTS and target in other.leaves]
        for other in holders:
            if other.blocked:
                draft.block(f"it waits for {target}: {other.address} has it and is blocked")
            elif target not in other.lets_go:
                draft.block(f"it waits for {target}, which {other.address} has until it restarts",
                            f"--restart {other.address}")
        seen = drafts[target].observed
        declared = {item.observed.domain for item in drafts.values() if item.observed}
        others = [name for name in (seen.users if seen else ())
                  if name not in declared and name not in leaving]
        if others:
            draft.block(f"{target} is in use by the running domain {', '.join(others)}")
