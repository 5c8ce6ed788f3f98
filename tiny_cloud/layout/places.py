"""YAML text to a tree of places; no value is looked at, and an alias is only that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(Struct):
    """A scalar, a mapping or a sequence. Lines and columns count from 0."""

    line: int
    column: int
    end_line: int
    end_column: int
    """Behind its last character; of what stands in a block, only that of its parts counts."""
    text: str | None = None
    fields: list[tuple[Place, Place]] | None = None
    items: list[Place] | None = None
    flow: bool = False
    """In braces, brackets or quotes, or plain: no block."""
    marked: bool = False
    """It has an anchor or a tag, or is an alias."""
    key: Place | None = None
    """While fields are read: the key whose value comes next."""

    @property
    def block(self) -> bool:
        """A mapping or sequence whose indentation says what is in it."""
        return not self.flow and self.text is None

    @property
    def empty(self) -> bool:
        """Nothing is written there at all."""
        return (self.line, self.column) == (self.end_line, self.end_column)

    @property
    def within(self) -> Iterator[Place]:
        """It, and all that is in it."""
        todo = [self]
        while todo:
            place = todo.pop()
            yield place
            todo += place.items or ()
            todo += [part for pair in place.fields or () for part in pair]

    def field(self, name: str) -> tuple[Place, Place] | None:
        """Key and value."""
        return next((pair for pair in self.fields or () if pair[0].text == name), None)

    def append(self, place: Place) -> None:
        if self.items is not None:
            self.items.append(place)
        elif self.fields is not None and self.key is not None:
            self.fields.append((self.key, place))
            self.key = None
        else:
            self.key = place


def places(text: str) -> list[Place]:
    """The root of each document. Raises yaml.YAMLError: ask ``yaml12.trees`` first."""
    roots: list[Place] = []
    open_places: list[Place] = []
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.NodeEvent):
            place = _place(event)
            if isinstance(event, yaml.CollectionStartEvent):
                open_places.append(place)
                continue
        elif isinstance(event, yaml.CollectionEndEvent):
            place = open_places.pop()
            mark: Any = event.end_mark
            place.end_line, place.end_column = mark.line, mark.column
        else:
            continue
        (open_places[-1].append if open_places else roots.append)(place)
    return roots


def _place(event: Any) -> Place:
    start, end = event.start_mark, event.end_mark
    place = Place(start.line, start.column, end.line, end.column)
    place.marked = event.anchor is not None or getattr(event, "tag", None) is not None
    if isinstance(event, yaml.MappingStartEvent):
        place.fields, place.flow = [], bool(event.flow_style)
    elif isinstance(event, yaml.SequenceStartEvent):
        place.items, place.flow = [], bool(event.flow_style)
    else:
        place.text = getattr(event, "value", "")
        place.flow = getattr(event, "style", None) not in ("|", ">")
    return place
