"""A part of what is declared: what ``--target`` and ``--selector`` name, and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tiny_cloud import ordering, selectors
from tiny_cloud.draft import matches
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.graph import closure
from tiny_cloud.model import Address
from tiny_cloud.resource import Resource


def labelled(resource: Resource, selector: str) -> bool:
    """Without a selector everything is meant."""
    labels = resource.metadata.get("labels") or {}
    return not selector or selectors.parse(selector).matches(labels)


def named(
    resources: Sequence[Resource], targets: Sequence[str], selector: str
) -> list[Resource]:
    """Those of these names (globs; none: all) that have the labels. Raises Problems: there is no
    such thing."""
    called = [item for item in resources if not targets or matches(targets, item.address)]
    if not called:
        raise Problems([Problem(f"nothing that is declared is called {', '.join(targets)}")])
    found = [item for item in called if labelled(item, selector)]
    if not found:
        there = sorted({f"{key}={value}" for item in called
                        for key, value in (item.metadata.get("labels") or {}).items()})
        hint = f"there are: {', '.join(there[:12])}" if there else "there are no labels at all"
        raise Problems([Problem(f"nothing that is declared has the labels {selector}", None, hint)])
    return found


def wanted(
    resources: Sequence[Resource], targets: Sequence[str], selector: str
) -> Sequence[Resource]:
    """Those and all that they refer to; without names everything."""
    if not targets and not selector:
        return resources
    starts = [item.address for item in named(resources, targets, selector)]
    edges = {item.address: [link.address for link in item.links.values()] for item in resources}
    reached = closure(starts, edges)
    return [item for item in resources if item.address in reached]


def leaving(
    resources: Sequence[Resource], targets: Sequence[str], selector: str
) -> Sequence[Resource]:
    """The same of what goes: those, what is inside of them, and what they refer to as far as
    nothing that stays does. Raises Problems: something that stays refers to one that is named."""
    if not targets and not selector:
        return resources
    starts = {item.address for item in named(resources, targets, selector)}
    starts |= {item.address for item in resources if ordering.container_of(item) in starts}
    known = {item.address: item for item in resources}
    # A guest borrows words from its machine, which need not go with it.
    going = closure(starts, {item.address: ordering.ordered_links(item) for item in resources})
    while kept := {address for address in going - starts
                   if known[address].referrers.keys() - going}:
        going -= kept
    if problems := list(_needed(known, starts, going)):
        raise Problems(problems)
    return [item for item in resources if item.address in going]


def _needed(
    known: dict[Address, Resource], starts: set[Address], going: set[Address]
) -> Iterator[Problem]:
    for address in sorted(starts):
        if staying := sorted(known[address].referrers.keys() - going):
            names = ", ".join(map(str, staying))
            yield Problem(f"{address} cannot go alone: {names} refers to it", known[address].span,
                          "name that as well, or take the reference out of its manifest")
