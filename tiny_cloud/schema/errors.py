"""jsonschema at work: a validator for each kind, and where each of its errors is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

from tiny_cloud.document import Document
from tiny_cloud.errors import Problem
from tiny_cloud.schema.fields import name_of
from tiny_cloud.schema.files import Node, schema_of, trail
from tiny_cloud.schema.formats import FORMATS
from tiny_cloud.schema.matching import is_whole, matches, repeated
from tiny_cloud.schema.sentences import sentences
from tiny_cloud.schema.words import Place

MOST = 100
"""Problems of one document: who has more has another problem."""


def problems_of(document: Document) -> list[Problem]:
    """Everything wrong with a document of a known kind by itself, by line."""
    errors = islice(_validator_of(document.kind).iter_errors(document.body), MOST)
    found = [problem for error in errors for problem in sentences(_place(error, document))]
    return sorted(dict.fromkeys(found), key=lambda problem: (problem.span or ("", 0, 0))[1:3])


def _place(error: ValidationError, document: Document) -> Place:
    path = tuple(error.absolute_path)
    nodes = trail(schema_of(document.kind), path)
    node = error.schema if isinstance(error.schema, dict) else {}
    if nodes and not node.keys() & {"properties", "x-problem"}:
        # A condition ("else": {"required": …}) knows no field; the schema that it stands in does.
        node = {"properties": nodes[-1].get("properties", {}), **node}
    return Place(
        document=document,
        path=path,
        node=node,
        rule="propertyNames" if "propertyNames" in error.schema_path else str(error.validator),
        wanted=error.validator_value,
        value=error.instance,
        cause=str(error.cause),
        secret=any("x-secret" in node for node in nodes),
    )


@cache
def _validator_of(kind: str) -> Any:
    return validator(schema_of(kind))


def validator(node: Node) -> Any:
    """jsonschema's validator of a (sub)schema, with our rules and formats."""
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: is_whole(value))
    formats = FormatChecker(formats=())
    for name, check in FORMATS.items():
        formats.checks(name, raises=ValueError)(check)
    rules = {"pattern": _pattern, "x-named": _named}
    made = extend(Draft202012Validator, rules, type_checker=types)  # type: ignore[no-untyped-call]
    return made(node, format_checker=formats)


def _pattern(_: Any, pattern: str, value: object, __: Node) -> Iterator[ValidationError]:
    if not matches(pattern, value):
        yield ValidationError("no match")


def _named(_: Any, __: bool | str, value: object, node: Node) -> Iterator[ValidationError]:
    key = name_of(node)
    for place, name in repeated(key, value):
        yield ValidationError("twice", path=(place, key), instance=name)
