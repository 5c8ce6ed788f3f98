"""Events to nodes, without recursion: the text says how deep it goes, and we how deep it may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from tiny_cloud.yaml12.text import DEEPEST, MOST_NODES, Source, Unreadable

# libyaml's parser where PyYAML was built with it: a megabyte in a fifth of a second, not in ten.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Node(Struct):
    """A text, or items, or the fields of a mapping. Line and column count from 0."""

    line: int
    column: int
    tag: str | None
    text: str | None = None
    plain: bool = False
    """A text without quotes and tag, so that it may mean a number."""
    items: list[Node] | None = None
    fields: list[tuple[Node, Node]] | None = None
    key: Node | None = None
    """While fields are read: the key whose value comes next."""

    @property
    def empty(self) -> bool:
        return self.text == "" and self.plain

    def append(self, node: Node) -> None:
        if self.items is not None:
            self.items.append(node)
        elif self.fields is not None and self.key is not None:
            self.fields.append((self.key, node))
            self.key = None
        else:
            self.key = node


def compose(source: Source) -> Iterator[Node]:
    """Each document's root as soon as it is complete; an alias is the very node it stands for.

    Raises yaml.YAMLError for what is no YAML, Unreadable for what is beyond the limits.
    """
    open_nodes: list[Node] = []
    anchors: dict[str, Node] = {}
    count = 0
    for event in yaml.parse(source.text, Loader=_LOADER):
        if isinstance(event, yaml.NodeEvent):
            node = _node(event, anchors, open_nodes, source)
            count += 1
            if count > MOST_NODES or len(open_nodes) >= DEEPEST:
                _refuse(node, count, source)
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(node)
                continue
        elif isinstance(event, yaml.CollectionEndEvent):
            node = open_nodes.pop()
        else:
            anchors.clear()
            continue
        if open_nodes:
            open_nodes[-1].append(node)
        else:
            yield node


def _node(event: Any, anchors: dict[str, Node], open_nodes: list[Node], source: Source) -> Node:
    mark = event.start_mark
    if isinstance(event, yaml.AliasEvent):
        node = anchors.get(str(event.anchor))
        if node is None or any(node is parent for parent in open_nodes):
            wrong = "has no anchor above it" if node is None else "stands inside what it stands for"
            raise Unreadable(f"the alias *{event.anchor} {wrong}",
                             source.span(mark.line, mark.column),
                             "write the text in quotes if it begins with a * of its own")
        return node
    node = Node(mark.line, mark.column, event.tag)
    if isinstance(event, yaml.ScalarEvent):
        node.text, node.plain = event.value, event.implicit[0] and event.tag is None
    elif isinstance(event, yaml.MappingStartEvent):
        node.fields = []
    else:
        node.items = []
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node


def _refuse(node: Node, count: int, source: Source) -> None:
    source.nodes = count - 1
    source.count(source.span(node.line, node.column), DEEPEST + 1)
