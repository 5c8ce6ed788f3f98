"""A disk that moves from one machine to another: only one can have it at a time. Pure."""

from __future__ import annotations

from tiny_cloud.draft import Draft, Drafts
from tiny_cloud.model import Address


def data_taken(draft: Draft, drafts: Drafts) -> frozenset[Address]:
    """What it uses from this change on, and what nobody else can use meanwhile."""
    return frozenset(target for target in draft.takes
                     if target in drafts and drafts[target].resource.IS_DATA)


def await_others(draft: Draft, drafts: Drafts) -> None:
    """It is free only when the machine that had it has let go of it."""
    for target in data_taken(draft, drafts) if draft.works else ():
        for other in drafts.values():
            if other is draft or not other.runs or target not in other.leaves:
                continue
            if other.blocked:
                draft.block(f"it waits for {target}: {other.address} has it and is blocked")
            elif target not in other.lets_go:
                draft.block(f"it waits for {target}, which {other.address} has until it restarts",
                            f"--restart {other.address}")
