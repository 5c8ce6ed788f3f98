"""What comes before what: a deterministic topological order, and cycles a person can read."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar, cast

T = TypeVar("T", bound=Hashable)
MOST_SHOWN = 12
"""Of a longer circle not everything is shown."""


class Cycle(Exception):
    """Things that wait for each other; ``path`` begins and ends with the same one."""

    def __init__(self, path: Sequence[Hashable]) -> None:
        self.path = tuple(path)
        shown = [*map(str, path)]
        if len(shown) > MOST_SHOWN:
            shown = [*shown[:MOST_SHOWN - 2], f"({len(shown) - MOST_SHOWN + 1} more)", shown[-1]]
        super().__init__(" → ".join(shown))


def order(nodes: Sequence[T], edges: Mapping[T, Iterable[T]]) -> list[T]:
    """The nodes, each after those it waits for (``edges``: node -> what it waits for).

    Of those that are ready together the one written first comes first. Edges to what is not among
    the nodes count for nothing. Raises Cycle.
    """
    place = {node: number for number, node in enumerate(nodes)}
    sorter: TopologicalSorter[T] = TopologicalSorter()
    for node in place:
        sorter.add(node, *(other for other in edges.get(node, ()) if other in place))
    try:
        sorter.prepare()
    except CycleError as error:
        ring = _readable(cast(list[T], error.args[1]), place)
        raise Cycle(ring) from None
    ready: list[int] = []
    ordered: list[T] = []
    while sorter.is_active():
        for node in sorter.get_ready():
            heapq.heappush(ready, place[node])
        ordered.append(nodes[heapq.heappop(ready)])
        sorter.done(ordered[-1])
    return ordered


def closure(starts: Iterable[T], edges: Mapping[T, Iterable[T]]) -> set[T]:
    """The starts and everything that can be reached from them."""
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        for node in edges.get(waiting.pop(), ()):
            if node not in reached:
                reached.add(node)
                waiting.append(node)
    return reached


def _readable(path: Sequence[T], place: Mapping[T, int]) -> list[T]:
    """graphlib's cycle turned round (``a → b``: a waits for b), from the one written first."""
    ring = list(reversed(path))[:-1]
    start = ring.index(min(ring, key=place.__getitem__))
    return [*ring[start:], *ring[:start], ring[start]]
