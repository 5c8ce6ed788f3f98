"""References become links; dangling and circular ones become problems. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tiny_cloud import rbd_images, schema, suggest
from tiny_cloud.errors import Failure, Problem
from tiny_cloud.graph import Cycle, order
from tiny_cloud.model import Address
from tiny_cloud.resource import Resource
from tiny_cloud.schema import Ref


def link(resources: Sequence[Resource], links: Mapping[Address, dict[str, Resource]],
         excused: Callable[[Address], bool]) -> list[Problem]:
    """Fill ``links``, which the resources hold already, with what they refer to.

    What is not there is a problem, unless it is excused.
    """
    known = {resource.address: resource for resource in resources}
    problems: list[Problem] = []
    for resource in resources:
        for ref in resource.references:
            addresses = [Address(kind, ref.name) for kind in ref.kinds]
            targets = [known[address] for address in addresses if address in known]
            if len(targets) > 1:
                problems.append(_ambiguous(resource, ref, targets))
            elif targets:
                links[resource.address][ref.field] = targets[0]
            elif not ref.optional and not any(map(excused, addresses)):
                near = len(problems) < suggest.MOST_LOOKED_FOR
                problems.append(_dangling(resource, ref, known, near=near))
    return problems


def introduce(resources: Iterable[Resource]) -> None:
    """Tell each who refers to it. Only what is declared counts: what is on its way out does not."""
    for resource in resources:
        for target in resource.links.values():
            target.referrers[resource.address] = resource


def above(resources: Iterable[Resource], name: str) -> list[Resource]:
    """The declared ones that refer to this one, at any height."""
    found: dict[Address, Resource] = {}
    todo = [item for item in resources if str(item.address) == name]
    while todo:
        for address, other in todo.pop().referrers.items():
            if address not in found:
                found[address] = other
                todo.append(other)
    return list(found.values())


def relink(resources: Sequence[Resource]) -> None:
    """Link what was partly rebuilt from records; what it stood on may be gone: no error here."""
    link(resources, {item.address: item.links for item in resources}, lambda _: True)


def has_name(resource: Resource) -> bool:
    """An image that was never applied and whose source is gone has no path to look under."""
    try:
        resource.provides()
    except Failure:
        return False
    return True


def remembered(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Those whose source is gone as they were recorded: they can still be looked at."""
    if all(map(has_name, resources)):
        return resources
    found = [
        replace(item, links={}, referrers={},
                recorded={} if has_name(item) else item.context.recall(item.address))
        for item in resources
    ]
    relink(found)
    introduce(found)
    return tuple(found)


def arrange(resources: Sequence[Resource]) -> tuple[list[Resource], list[Problem]]:
    """Each after those it waits for, otherwise as they were written; or the circle they run in."""
    known = {resource.address: resource for resource in resources}
    edges = {address: list(_waits_for(resource)) for address, resource in known.items()}
    try:
        return [known[address] for address in order(list(known), edges)], []
    except Cycle as cycle:
        first = known[Address.parse(str(cycle.path[0]))]
        return [], [Problem(f"these wait for each other: {cycle}", first.span,
                            "take one of the references out")]


def _waits_for(resource: Resource) -> Iterator[Address]:
    for ref in resource.references:
        if ref.order and ref.field in resource.links:
            yield resource.links[ref.field].address


def _ambiguous(resource: Resource, ref: Ref, targets: Sequence[Resource]) -> Problem:
    span = resource.document.span(ref.path) if resource.document else resource.span
    both = " and ".join(str(target.address) for target in targets)
    return Problem(f"{resource.address} refers to {ref.name}, and there are {both}", span,
                   "give one of them another name")


def _dangling(
    resource: Resource, ref: Ref, known: Collection[Address], *, near: bool
) -> Problem:
    """``near``: with the names that could be meant."""
    names = {kind.lower(): kind for kind in schema.kinds()}
    *most, last = (names.get(kind, kind) for kind in ref.kinds)
    words = " or ".join(filter(None, (", ".join(most), last)))
    others = [address.name for address in known if address.kind in ref.kinds] if near else []
    hint = suggest.hint(ref.name, others, "there are") or (
        f"no {words} is declared at all" if near else "")
    span = resource.document.span(ref.path) if resource.document else resource.span
    image = Address(rbd_images.KIND, ref.name)
    if image in known and ref.field in rbd_images.REFUSED:
        why, hint = rbd_images.REFUSED[ref.field]
        return Problem(f"{resource.address} cannot have {image} as its {ref.field}: {why}", span,
                       hint)
    return Problem(f"{resource.address} refers to {words} {ref.name}, which is not declared", span,
                   hint)
