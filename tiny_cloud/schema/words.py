"""The words of validation: what a value is called, where it stands, what could be there instead."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from tiny_cloud.document import Document
from tiny_cloud.errors import Span
from tiny_cloud.schema.files import Node
from tiny_cloud.yaml12 import Path, resolve

TYPES = {"string": "a text", "integer": "a whole number", "boolean": "true or false",
         "object": "a mapping of fields", "array": "a list"}
LONGEST = 40
"""Characters of a value that a message repeats."""
# MACs and ports with an address are quoted: other YAML readers take some of them for base 60.
_PLAIN = re.compile(r"[A-Za-z0-9_./:+@$-]*[A-Za-z_/][A-Za-z0-9_./:+@$-]*|[0-9.]+")
_TRUE, _FALSE = ("true", "yes", "on", "y", "1"), ("false", "no", "off", "n", "0")


class Place(Struct, frozen=True):
    """Where a schema is not met, and in what."""

    document: Document
    path: Path
    node: Node
    """The schema that is not met."""
    rule: str
    """The keyword of it that is not."""
    wanted: Any
    """What that keyword says."""
    value: Any
    cause: str
    """Why a format is not met, in words."""
    secret: bool
    """What is written there may be a password: neither it nor its line is ever shown."""

    @property
    def label(self) -> str:
        """``VirtualMachine.spec.disks[root].size``: items of lists by name, if they have one."""
        words = self.document.kind
        value: Any = self.document.body
        for key in self.path:
            value = value[key]
            name = value.get("name") if isinstance(value, dict) else None
            if isinstance(key, str):
                words += f".{quote(key, plain=True)}"
            else:
                words += f"[{quote(name, plain=True) if isinstance(name, str) else key}]"
        return words

    @property
    def span(self) -> Span | None:
        return self._shown(self.document.span(self.path))

    def at(self, key: str) -> Span | None:
        """The key of a field below."""
        return self._shown(self.document.key_span((*self.path, key)))

    @property
    def expects(self) -> str:
        types = self.node.get("type", "string")
        first = types if isinstance(types, str) else types[0]
        return str(self.node.get("x-expects") or TYPES[first])

    @property
    def example(self) -> str:
        last = self.path[-1] if self.path else ""
        return _example(self.node, last if isinstance(last, str) else "")

    def _shown(self, span: Span | None) -> Span | None:
        return span._replace(text="") if span is not None and self.secret else span


def example(node: Node, name: str) -> str:
    """``for example size: 10GiB`` for a field of this schema."""
    return _example(node.get("properties", {}).get(name, {}), name)


def _example(node: Node, name: str) -> str:
    if not node.get("examples"):
        return ""
    return f"for example {name + ': ' if name else ''}{flow(node['examples'][0])}"


def flow(value: Any) -> str:
    """A value as a person would write it in YAML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and resolve(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def one_of(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def quote(value: object, *, plain: bool = False) -> str:
    """The value, or as much of it as fits into a message."""
    text = str(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST - 1]}…"
    return text if plain or not isinstance(value, str) else json.dumps(text, ensure_ascii=False)


def type_words(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number")


def a_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {quote(value)}"
    return type_words(value) if isinstance(value, dict | list) else f"the number {value}"


def type_hint(value: object, place: Place) -> str:
    """What usually helps when the type is wrong."""
    expected = place.node.get("type")
    word = str(value).lower()
    if expected == "string" and isinstance(value, bool | int | float):
        return f'write it in quotes: "{json.dumps(value)}"'
    if expected == "integer" and isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return f"write {value} without quotes"
    if expected == "boolean" and word in (*_TRUE, *_FALSE):
        return "write true" if word in _TRUE else "write false"
    return place.example
