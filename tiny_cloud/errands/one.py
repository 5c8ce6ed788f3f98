"""Steps on behalf of one thing, made from what its host says of it, as a plan; and which things a
user means. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tiny_cloud import suggest
from tiny_cloud.draft import matches
from tiny_cloud.errands import Actual, Errand, plan_of
from tiny_cloud.errors import Failure
from tiny_cloud.facts import Reader
from tiny_cloud.model import Action, Address, Change, FieldDiff, Observed, Ownership, Plan, Unknown
from tiny_cloud.resource import Context, Resource
from tiny_cloud.steps import Step

Prepare = Callable[[Resource, Observed, Reader], Iterable[Step]]
"""Raises Failure for what cannot be done."""


def errand(address: Address, diff: FieldDiff, prepare: Prepare) -> Errand:
    """``diff``: what comes of it, in a line."""

    def plan(host: Reader, context: Context, declared: Sequence[Resource],
             owned: Sequence[Resource], actual: Actual) -> Plan:
        resource = named([*declared, *owned], address)
        seen = observed(resource, actual)
        change = Change(address, Action.UPDATE, (diff,), diff.impact, observed=seen,
                        up=tuple(prepare(resource, seen, host)))
        return plan_of(context.cloud, [change])

    return plan


def named(known: Sequence[Resource], *meant: Address) -> Resource:
    """The first that there is of these. Raises Failure."""
    by_address = {resource.address: resource for resource in known}
    for address in meant:
        if address in by_address:
            return by_address[address]
    kinds = [address.kind for address in meant]
    there = [str(address) for address in by_address if address.kind in kinds]
    hint = suggest.hint(str(meant[0]), there, "there are") or "nothing of the kind is declared"
    what = " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
    raise Failure(f"there is no {what} called {meant[0].name}", hint)


def selected(known: Sequence[Resource], meant: Iterable[Address]) -> list[Resource]:
    """Each once, as they were written: those that these name, globs too (fnmatch). Raises Failure
    for what names nothing."""
    chosen = set()
    for address in meant:
        found = {item.address for item in known if matches([str(address)], item.address)}
        chosen |= found or {named(known, address).address}
    return [item for item in known if item.address in chosen]


def observed(resource: Resource, actual: Actual) -> Observed:
    """Raises Failure for what is not there, not to be observed, or not ours to change."""
    seen = require(resource.address, actual.get(resource.address))
    if resource.external:
        raise Failure(f"{resource.address} is external: nothing of it is ever changed")
    if seen.ownership is not Ownership.OURS:
        raise Failure(f"{resource.address}: {seen.owner or 'it was not made here'}",
                      f"tinycloud apply --adopt {resource.address}")
    return seen


def require(address: Address, seen: Observed | Unknown | None) -> Observed:
    """Raises Failure for what is not there or not to be observed."""
    if seen is None:
        raise Failure(f"{address} is not there", "tinycloud apply makes it")
    if isinstance(seen, Unknown):
        raise Failure(f"{address} cannot be observed: {seen.reason}", seen.hint)
    return seen
