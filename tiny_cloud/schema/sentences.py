"""A sentence and a remedy for every way in which a schema is not met."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tiny_cloud import suggest, support
from tiny_cloud.errors import Problem
from tiny_cloud.schema.files import Node
from tiny_cloud.schema.words import (
    Place,
    a_value,
    example,
    flow,
    one_of,
    quote,
    type_hint,
    type_words,
)

Sentences: TypeAlias = Iterator[Problem]


def sentences(place: Place) -> Sentences:
    """Usually one; none where another error has said it already."""
    about_fields = place.rule in ("not", "oneOf", "anyOf", "required", "dependentRequired")
    if about_fields and not isinstance(place.value, dict):
        return
    if "x-problem" not in place.node:
        yield from SENTENCES.get(place.rule, _other)(place)
        return
    at = place.node.get("x-at")
    span = place.at(at) if at is not None and at in place.value else place.span
    yield Problem(f"{place.label}: {place.node['x-problem']}", span, place.node.get("x-hint", ""))


def _unknown(place: Place) -> Sentences:
    known = place.node.get("properties", {})
    for count, key in enumerate(_unknown_keys(place.value, place.node)):
        if key in support.WORDS:
            yield _given_up(place, key)
            continue
        name = "such field" if place.secret else f"field {quote(key, plain=True)}"
        hint = suggest.hint(key, known, "its fields are") if count < suggest.MOST_LOOKED_FOR else ""
        yield Problem(f"there is no {name} in {place.label}", place.at(key), hint)


def _given_up(place: Place, word: str) -> Problem:
    """For what people know from elsewhere."""
    why, instead = support.WORDS[word]
    span = place.at(word) if isinstance(place.value, dict) else place.span
    return Problem(f"{place.label} cannot be {word}: {why}", span, instead)


def _unknown_keys(value: Mapping[str, Any], node: Node) -> list[str]:
    patterns = node.get("patternProperties", {})
    return [key for key in value if key not in node.get("properties", {})
            and not any(re.search(pattern, key) for pattern in patterns)]


def _misspelt(place: Place, missing: Sequence[str]) -> bool:
    """A field is missing because another is misspelt: that has been said already."""
    known = place.node.get("properties", {})
    unknown = _unknown_keys(place.value, place.node)[:suggest.MOST_LOOKED_FOR]
    return any(suggest.nearest(key, known) in missing for key in unknown)


def _required(place: Place) -> Sentences:
    for name in place.wanted:
        if name not in place.value and not _misspelt(place, [name]):
            yield Problem(f"{place.label} needs {name}", place.span, example(place.node, name))


def _choice(place: Place) -> Sentences:
    names = [name for branch in place.wanted for name in branch.get("required", ())]
    present = [name for name in names if name in place.value]
    if present:
        yield Problem(f"{place.label} has {' and '.join(present)}, where only one can be",
                      place.at(present[-1]), f"keep one of {one_of(names)}")
    elif not _misspelt(place, names):
        exactly = "exactly one of" if place.rule == "oneOf" else "one of"
        yield Problem(f"{place.label} needs {exactly} {one_of(names)}", place.span,
                      example(place.node, names[0]))


def _dependent(place: Place) -> Sentences:
    for key, names in place.wanted.items():
        for name in names:
            if key in place.value and name not in place.value:
                yield Problem(f"{key} in {place.label} needs {name} beside it", place.at(key),
                              example(place.node, name))


def _type(place: Place) -> Sentences:
    if place.value is None:
        yield Problem(f"{place.label} has no value", place.span, place.example)
    else:
        what = type_words(place.value) if place.secret else a_value(place.value)
        yield Problem(f"{place.label} must be {place.expects}, not {what}", place.span,
                      place.example if place.secret else type_hint(place.value, place))


def _enum(place: Place) -> Sentences:
    allowed = [str(value) for value in place.node.get("enum", [place.wanted])]
    written = str(place.value)
    if place.value is None:
        yield Problem(f"{place.label} has no value", place.span, f"write {one_of(allowed)}")
        return
    if written in support.WORDS:
        yield _given_up(place, written)
        return
    near = suggest.nearest(written, allowed)
    hint = f"did you mean {near}?" if near else ""
    if not isinstance(place.value, str) and written.lower() in allowed:
        hint = f'write it in quotes: "{written.lower()}"'
    words = one_of([flow(value) for value in allowed])
    yield Problem(f"{place.label} must be {words}, not {a_value(place.value)}", place.span, hint)


def _pattern(place: Place) -> Sentences:
    shown = "what is written" if place.secret else quote(place.value)
    yield Problem(f"{place.label} cannot be {shown}: it must be {place.expects}", place.span,
                  place.example)


def _property_name(place: Place) -> Sentences:
    yield Problem(f"{place.label} cannot have {quote(place.value)}: it must be {place.expects}",
                  place.at(str(place.value)))


def _format(place: Place) -> Sentences:
    shown = "what is written" if place.secret else quote(place.value)
    yield Problem(f"{place.label} cannot be {shown}: {place.cause}", place.span, place.example)


def _minimum(place: Place) -> Sentences:
    yield Problem(f"{place.label} must be at least {place.wanted}, not {place.value}", place.span,
                  place.example)


def _maximum(place: Place) -> Sentences:
    yield Problem(f"{place.label} must be at most {place.wanted}, not {place.value}", place.span,
                  place.example)


def _long(place: Place) -> Sentences:
    yield Problem(f"{place.label} has more than {place.wanted} characters", place.span)


def _empty(place: Place) -> Sentences:
    known = ", ".join(sorted(place.node.get("properties", {})))
    yield Problem(f"{place.label} is empty", place.span,
                  f"its fields are: {known}" if known else place.example)


def _twice(place: Place) -> Sentences:
    yield Problem(f"{place.label} is {quote(place.value)} a second time in its list", place.span,
                  "items of a list are told apart by name: give it another")


def _other(place: Place) -> Sentences:
    yield Problem(f"{place.label} is not what it should be", place.span, place.example)


SENTENCES: Mapping[str, Callable[[Place], Sentences]] = {
    "additionalProperties": _unknown, "required": _required, "dependentRequired": _dependent,
    "oneOf": _choice, "anyOf": _choice, "type": _type, "enum": _enum, "const": _enum,
    "pattern": _pattern, "propertyNames": _property_name, "format": _format, "minimum": _minimum,
    "maximum": _maximum, "minItems": _empty, "minProperties": _empty, "x-named": _twice,
    "minLength": _empty, "maxLength": _long,
}
