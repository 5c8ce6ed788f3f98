"""In which order the phases of changes run: pure edges over addresses."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tiny_cloud.model import PHASES, Action, Address, Change, Task
from tiny_cloud.resource import Resource

MAKING = (Action.CREATE, Action.REPLACE)
"""These make a thing aside, under a name nobody uses yet, and publish it when it is complete."""

Key = tuple[Address, str]


class Link(Struct, frozen=True):
    """``source`` waits for ``target``; ``within``: what source writes lives inside target."""

    source: Address
    target: Address
    within: bool


def links_of(resources: Iterable[Resource]) -> tuple[Link, ...]:
    """The edges that order work; references that only borrow data are none."""
    return tuple(
        Link(item.address, item.links[ref.field].address, ref.within)
        for item in resources
        for ref in item.references
        if ref.order and ref.field in item.links
    )


def ordered_links(resource: Resource) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(link.target for link in links_of([resource])))


def container_of(resource: Resource) -> Address | None:
    """The thing inside which this one's contents live (a guest's disk), if it has one."""
    return next((link.target for link in links_of([resource]) if link.within), None)


def tasks(changes: Sequence[Change], links: Iterable[Link]) -> tuple[Task, ...]:
    """The executor's graph: three phases a change, those of blocked changes left out."""
    working = {change.address: change for change in changes if not change.blocked}
    edges: dict[Key, set[Key]] = {
        (address, phase): set() for address in working for phase in PHASES
    }
    for address, change in working.items():
        edges[address, "seal"] |= {(address, "up"), (address, "down")}
        if not change.aside:
            edges[address, "up"].add((address, "down"))
    links = [link for link in links if link.source in working]
    for link in links:
        if link.target in working:
            for later, earlier in _between(working[link.source], working[link.target], link):
                edges[later].add(earlier)
    for later, earlier in _handed_over(working, links):
        edges[later].add(earlier)
    for address, change in working.items():
        for target in change.lets_go & working.keys():
            edges[target, "down"].add((address, "up"))
    for later, earlier in _moved(working):
        if not _waits(edges, earlier, later):
            edges[later].add(earlier)
    steps = {(a, phase): getattr(c, phase) for a, c in working.items() for phase in PHASES}
    return tuple(Task(key, steps[key], frozenset(edges[key])) for key in edges)


def _handed_over(
    working: Mapping[Address, Change], links: Iterable[Link]
) -> Iterable[tuple[Key, Key]]:
    """Who takes over a thing from a machine that goes starts when that has let go of it."""
    leaving: dict[Address, list[Address]] = {}
    for link in links:
        if working[link.source].action is Action.DELETE and working[link.source].stop:
            leaving.setdefault(link.target, []).append(link.source)
    for link in links:
        if working[link.source].action is not Action.DELETE:
            for gone in leaving.get(link.target, ()):
                yield (link.source, "up"), (gone, "down")


def _moved(working: Mapping[Address, Change]) -> Iterable[tuple[Key, Key]]:
    """Who takes what another lets go of: when that is off, or has done all its change."""
    leaving = {target: address for address, change in working.items()
               for target in change.lets_go}
    for address, change in working.items():
        for target in change.takes & leaving.keys():
            before = leaving[target]
            if before != address:
                yield (address, "up"), (before, "down" if working[before].stop else "up")


def _waits(edges: Mapping[Key, set[Key]], key: Key, target: Key) -> bool:
    """Whether ``key`` comes after ``target`` already. Two that exchange their disks while they run
    cannot wait for each other: the second finds its disk in use, and says so."""
    todo, seen = [key], {key}
    while todo:
        for other in edges[todo.pop()] - seen:
            seen.add(other)
            todo.append(other)
    return target in seen


def _between(source: Change, target: Change, link: Link) -> Iterable[tuple[Key, Key]]:
    """(later, earlier) for one thing that stands on another."""
    above, below = link.source, link.target
    if target.action is Action.DELETE:
        yield (below, "down"), (above, "down")
        return
    fills = link.within and source.aside
    if fills:
        yield (above, "up"), (below, "up")
        yield (below, "seal"), (above, "up")
        return
    yield (above, "up"), (below, "seal")
    if target.aside and target.action is Action.CREATE:
        # Make before break: nothing comes down before the new things it waits for are ready.
        yield (above, "down"), (below, "seal")
        return
    # What is there comes down only after those above it.
    if target.stop:
        yield (below, "down"), (above, "down")
    if target.aside:
        # The new one in its place is made before they come down, and takes its name after.
        yield (above, "down"), (below, "up")
        yield (below, "seal"), (above, "down")
    elif target.rests:
        yield (below, "up"), (above, "down")
