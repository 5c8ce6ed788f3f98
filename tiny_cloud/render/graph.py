"""What stands on what: as a tree for people, and in the words of Graphviz and Mermaid. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from tiny_cloud import ordering
from tiny_cloud.model import Address
from tiny_cloud.resource import Resource

ABOVE = " (as above)"
"""After what stands in the tree already, with everything below it."""


def tree(resources: Sequence[Resource]) -> Iterator[str]:
    """Lines. Each thing that nothing else waits for, and below it what it waits for."""
    edges = _edges(resources)
    below = {target for targets in edges.values() for target in targets}
    shown: set[Address] = set()
    # The last declared is what the others are for.
    for address in edges:
        if address not in below:
            yield from _branch(address, edges, shown)


def _branch(
    root: Address, edges: Mapping[Address, Sequence[Address]], shown: set[Address]
) -> Iterator[str]:
    """Without recursion: chains of disks are as long as somebody writes them."""
    todo = [(root, "", "")]
    while todo:
        address, lead, mark = todo.pop()
        again = address in shown and bool(edges[address])
        shown.add(address)
        yield f"{lead}{mark}{address}{ABOVE if again else ''}"
        further = lead + {"": "", "├── ": "│   ", "└── ": "    "}[mark]
        targets = () if again else edges[address]
        todo += [(target, further, "├── " if place else "└── ")
                 for place, target in enumerate(reversed(targets))]


def _edges(resources: Sequence[Resource]) -> dict[Address, tuple[Address, ...]]:
    """By thing: what it waits for."""
    known = {item.address for item in resources}
    return {item.address: tuple(target for target in ordering.ordered_links(item)
                                if target in known) for item in resources}


def _borrowed(resources: Sequence[Resource]) -> Iterator[tuple[Address, Address]]:
    """Who is told something by whom, and waits for nobody."""
    known = {item.address for item in resources}
    for item in resources:
        waits = ordering.ordered_links(item)
        for target in dict.fromkeys(link.address for link in item.links.values()):
            if target in known and target not in waits:
                yield item.address, target


def dot(resources: Sequence[Resource]) -> Iterator[str]:
    """Graphviz's language (graphviz.org/doc/info/lang.html): dot -Tsvg draws it."""
    yield "digraph tinycloud {"
    yield "  rankdir = LR"
    yield "  node [shape = box]"
    for address, targets in _edges(resources).items():
        yield f"  {_quoted(address)}"
        yield from (f"  {_quoted(address)} -> {_quoted(target)}" for target in targets)
    for source, target in _borrowed(resources):
        yield f"  {_quoted(source)} -> {_quoted(target)} [style = dashed]"
    yield "}"


def mermaid(resources: Sequence[Resource]) -> Iterator[str]:
    """A flowchart of Mermaid (mermaid.js.org), as Markdown on GitHub and GitLab draws it."""
    edges = _edges(resources)
    names = {address: f"n{place}" for place, address in enumerate(edges)}
    yield "flowchart LR"
    for address, name in names.items():
        yield f"  {name}[{_quoted(address)}]"
    for address, targets in edges.items():
        yield from (f"  {names[address]} --> {names[target]}" for target in targets)
    for source, target in _borrowed(resources):
        yield f"  {names[source]} -.-> {names[target]}"


def _quoted(address: Address) -> str:
    return json.dumps(str(address))
