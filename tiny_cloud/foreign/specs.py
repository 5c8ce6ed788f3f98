"""Flat fields as the host has them, brought into a document that is valid. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tiny_cloud import schema
from tiny_cloud.document import Document
from tiny_cloud.errors import Problem
from tiny_cloud.libvirt_xml import coherence
from tiny_cloud.model import Value

STAYS = "it stays as it is, and is not in here"


def document(
    kind: str, name: str, fields: Mapping[str, Value], more: Mapping[str, Any] | None = None
) -> tuple[Document, list[str]]:
    """``more``: fields of the spec as they are to be written, after the others. The remarks tell of
    values that the kind does not know, and of fields that do not go together."""
    known = {field: value for field, value in fields.items() if schema.has(kind, field)}
    fitting = {field: value for field, value in known.items()
               if schema.accepts(kind, field, value)}
    remarks = [f"{field} is {value}, which the field cannot say; {STAYS}."
               for field, value in known.items() if field not in fitting and value != ""]
    spec = {**schema.nested(kind, fitting), **(more or {})}
    found = Document(kind, name, {"name": name}, spec)
    while problems := _problems(found):
        without = next((other for other in _smaller(found)
                        if len(_problems(other)) < len(problems)), None)
        if without is None:
            break
        (gone,) = found.spec.keys() - without.spec.keys()
        remarks.append(f"{gone}: {problems[0].summary}; {STAYS}.")
        found = without
    return found, remarks


def _problems(found: Document) -> list[Problem]:
    wrong = schema.validate(found)
    if wrong or found.kind != "VirtualMachine":
        return wrong
    return list(coherence.problems(found))


def _smaller(found: Document) -> Iterable[Document]:
    """The document without one of its fields, the last first."""
    for key in reversed(found.spec):
        spec = {word: value for word, value in found.spec.items() if word != key}
        yield Document(found.kind, found.name, found.metadata, spec)
