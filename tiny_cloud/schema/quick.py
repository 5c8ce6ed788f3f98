"""Whether a document is right, and no more: jsonschema-rs says that ten times sooner than
jsonschema, which is asked only what is wrong with one that is not.

What the two take differently (patterns, formats, whole numbers) or do not know (items by name) is
asked of the same code in either.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from tiny_cloud.schema.fields import name_of
from tiny_cloud.schema.files import Node, schema_of
from tiny_cloud.schema.formats import FORMATS
from tiny_cloud.schema.matching import matches, repeated

OWN = {"pattern": "x-pattern", "format": "x-format"}
"""Keywords of JSON Schema that are handed to us, under names that jsonschema-rs does not know."""
DATA = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose values are no schemas."""


def is_right(kind: str, body: Any) -> bool:
    """False also of what cannot be told, such as a mapping with keys that are no texts."""
    try:
        return _validator_of(kind).is_valid(body)
    except ValueError:
        return False


def validator(node: Node) -> Draft202012Validator:
    return Draft202012Validator(_handed(node), validate_formats=False, keywords={
        "x-pattern": _Pattern, "x-format": _Format, "x-named": _Named, "x-whole": _Whole})


@cache
def _validator_of(kind: str) -> Draft202012Validator:
    return validator(schema_of(kind))


def _handed(node: Any) -> Any:
    if isinstance(node, list):
        return [_handed(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {OWN.get(key, key) if isinstance(value, str) else key:
             value if key in DATA else _handed(value) for key, value in node.items()}
    types = node.get("type", ())
    if "integer" in ([types] if isinstance(types, str) else types):
        found["x-whole"] = True
    if "x-named" in node:
        found["x-named"] = name_of(node)
    return found


class _Pattern:
    def __init__(self, _: Node, pattern: str, __: list[str]) -> None:
        self.pattern = pattern

    def validate(self, value: object) -> None:
        if not matches(self.pattern, value):
            raise ValueError(self.pattern)


class _Format:
    def __init__(self, _: Node, name: str, __: list[str]) -> None:
        self.check = FORMATS[name]

    def validate(self, value: object) -> None:
        self.check(value)


class _Named:
    def __init__(self, _: Node, key: str, __: list[str]) -> None:
        self.key = key

    def validate(self, items: object) -> None:
        for _, name in repeated(self.key, items):
            raise ValueError(name)


class _Whole:
    def __init__(self, *_: object) -> None: ...

    def validate(self, value: object) -> None:
        if isinstance(value, float):  # 2.0 is an integer to JSON Schema
            raise ValueError(value)
