"""Label selectors in Kubernetes' own grammar (k8s.io/apimachinery/pkg/labels). Pure.

``tier=front,env!=test,zone in (a,b),zone notin (c),owner,!retired,cores>4``: all must hold. What
has no such label satisfies ``!=``, ``notin`` and ``!``, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

_TOKEN = re.compile(r"==|!=|[=!(),<>]|[^\s=!(),<>]+")
_SPECIAL = frozenset("=!(),<>") | {"==", "!="}
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
Labels = Mapping[str, str]


class Requirement(Struct, frozen=True):
    key: str
    operator: str
    """``in``, ``notin``, ``exists``, ``!``, ``<`` or ``>``; ``=`` is ``in`` with one value."""
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        there = self.key in labels
        if self.operator in ("notin", "!"):
            return not there or (self.operator == "notin" and labels[self.key] not in self.values)
        if not there or self.operator == "exists":
            return there
        if self.operator == "in":
            return labels[self.key] in self.values
        if not _NUMBER.fullmatch(labels[self.key]):
            return False
        (limit,), number = map(int, self.values), int(labels[self.key])
        return number < limit if self.operator == "<" else number > limit

    def __str__(self) -> str:
        if self.operator in ("exists", "!"):
            return f"{self.operator.removeprefix('exists')}{self.key}"
        if self.operator in ("<", ">"):
            return f"{self.key}{self.operator}{''.join(self.values)}"
        return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"


class Selector(Struct, frozen=True):
    """``requirements``: all must hold; none: everything is meant."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return all(one.matches(labels) for one in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


def parse(text: str) -> Selector:
    """Raises ValueError with a sentence that says what is wrong and where."""
    words = _Words(_TOKEN.findall(text))
    found = [_requirement(words)]
    while words.ahead:
        words.expect(",")
        found.append(_requirement(words))
    return Selector(tuple(found))


class _Words:
    """What is still to be read."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens[::-1]

    @property
    def ahead(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def take(self, *wanted: str) -> str:
        """The next, if it is one of these; else empty."""
        return self._tokens.pop() if self.ahead and self.ahead in wanted else ""

    def word(self) -> str:
        """A key or a value, or empty if something else comes next."""
        return self._tokens.pop() if self.ahead and self.ahead not in _SPECIAL else ""

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise ValueError(f"{self.ahead or 'the end'} stands where {mark} should")


def _requirement(words: _Words) -> Requirement:
    absent = words.take("!")
    key = words.word()
    if not key:
        raise ValueError(f"{words.ahead or 'the end'} stands where a label's name should")
    if absent or words.ahead in ("", ","):
        return Requirement(key, absent or "exists")
    if operator := words.take("in", "notin"):
        return Requirement(key, operator, _values(words))
    if operator := words.take("=", "==", "!="):
        return Requirement(key, "notin" if operator == "!=" else "in", frozenset({words.word()}))
    if operator := words.take("<", ">"):
        value = words.word()
        if not _NUMBER.fullmatch(value):
            raise ValueError(f"{key}{operator} takes a whole number, not {value or 'nothing'}")
        return Requirement(key, operator, frozenset({value}))
    raise ValueError(f"{words.ahead} stands where =, !=, in, notin or a comma should")


def _values(words: _Words) -> frozenset[str]:
    """``(a,b)``; between two commas stands the empty value."""
    words.expect("(")
    values = {words.word()}
    while words.take(","):
        values.add(words.word())
    words.expect(")")
    return frozenset(values)
