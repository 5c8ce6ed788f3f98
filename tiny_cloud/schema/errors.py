"""jsonschema at work: a validator for each kind, and where each of its errors is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from tiny_cloud import suggest
from tiny_cloud.document import Document
from tiny_cloud.errors import Problem
from tiny_cloud.schema.fields import name_of
from tiny_cloud.schema.files import Node, kinds, schema_of, trail
from tiny_cloud.schema.formats import checker
from tiny_cloud.schema.sentences import sentences
from tiny_cloud.schema.words import Place, quote

MOST = 100
"""Problems of one document: who has more has another problem."""


def problems_of(document: Document) -> list[Problem]:
    """Everything wrong with a document by itself, by line; empty: it is right."""
    if document.kind not in kinds():
        hint = suggest.hint(document.kind, kinds(), "the kinds are")
        return [Problem(f"there is no kind {quote(document.kind)}", document.span(("kind",)), hint)]
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
    # bool is an int to Python and 2.0 an integer to JSON Schema; neither is a number of processors.
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool))
    rules = {"pattern": _pattern, "x-named": _named}
    made = extend(Draft202012Validator, rules, type_checker=types)  # type: ignore[no-untyped-call]
    return made(node, format_checker=checker())


def _pattern(_: Any, pattern: str, value: object, __: Node) -> Iterator[ValidationError]:
    """Python's ``$`` also matches before a last line break; no text with a pattern may have one."""
    if isinstance(value, str) and ("\n" in value or not re.search(pattern, value)):
        yield ValidationError("no match")


def _named(_: Any, __: bool | str, value: object, node: Node) -> Iterator[ValidationError]:
    key = name_of(node)
    seen: set[str] = set()
    for place, item in enumerate(value if isinstance(value, list) else ()):
        name = item.get(key) if isinstance(item, dict) else None
        if isinstance(name, str):
            if name in seen:
                yield ValidationError("twice", path=(place, key), instance=name)
            seen.add(name)
