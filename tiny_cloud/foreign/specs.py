"""Flat fields as the host has them, brought into a document that is valid. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tiny_cloud import schema
from tiny_cloud.document import Document
from tiny_cloud.errors import Failure, Problem
from tiny_cloud.libvirt_xml import coherence
from tiny_cloud.model import Value

STAYS = "it stays as it is, and is not in here"


def document(
    kind: str, name: str, fields: Mapping[str, Value], more: Mapping[str, Any] | None = None,
    needed: Collection[str] = (),
) -> tuple[Document, list[str]]:
    """``more``: fields of the spec as they are to be written, after the others. The remarks tell of
    values that the kind does not know, and of fields that do not go together.

    Raises Failure where nothing valid is left, or one of the ``needed`` fields would be missing."""
    known = {field: value for field, value in fields.items() if schema.has(kind, field)}
    odd = {field: value for field, value in known.items()
           if not schema.accepts(kind, field, value)}
    for field in needed:
        if field in odd:
            raise Failure(f"{name} is no {kind}: there is no {field} {odd[field]}")
    # Of a mapping such as tpm nothing can be said then: the rest would mean another thing.
    broken = tuple(f"{field.partition('.')[0]}." for field in odd if "[" not in field)
    fitting = {field: value for field, value in known.items()
               if field not in odd and not field.startswith(broken)}
    remarks = [f"{field} is {value}, which the field cannot say; {STAYS}."
               for field, value in odd.items() if value not in ("", "default")]
    spec = {**schema.brief(kind, schema.nested(kind, fitting)), **(more or {})}
    found = Document(kind, name, {"name": name}, spec)
    while problems := _problems(found):
        without = next((other for other in _smaller(found)
                        if len(_problems(other)) < len(problems)), None)
        if without is None:
            raise Failure(
                f"{name} cannot be a {kind}: {_words(problems[0], kind)}", problems[0].hint)
        (gone,) = found.spec.keys() - without.spec.keys()
        remarks.append(f"{gone}: {_words(problems[0], kind)}; {STAYS}.")
        found = without
    return found, remarks


def _problems(found: Document) -> list[Problem]:
    wrong = schema.validate(found)
    if wrong or found.kind != "VirtualMachine":
        return wrong
    return list(coherence.problems(found))


def _words(problem: Problem, kind: str) -> str:
    """Without the place: the document has no lines yet."""
    return re.sub(rf"^{kind}\.spec(: |\.)", "", problem.summary)


def _smaller(found: Document) -> Iterable[Document]:
    """The document without one of its fields, the last first."""
    for key in reversed(list(found.spec)):
        spec = {word: value for word, value in found.spec.items() if word != key}
        yield Document(found.kind, found.name, found.metadata, spec)
