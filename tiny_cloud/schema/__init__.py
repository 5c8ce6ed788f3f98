"""What the schemas say: which documents are right, and what a planner has to know of each field.

Planner keywords (``x-…``) stand in the schema of the field itself, and nowhere else:

``x-ref``          the kinds of thing it names; ``x-order: false``: only data is borrowed from it;
                   ``x-within``: the contents of this thing live inside that one;
                   ``x-ref-optional``: what is not declared is something that the host has
``x-immutable``    a change makes the thing anew; ``x-create-only``: it counts for new things only;
                   ``x-offline``, ``x-next-boot``, ``x-live``: when a change can be made
``x-rebase``       it changes only with ``--rebase``;
``x-on-remove``    ``remove``: a field no longer declared goes; ``keep`` of a list: its items stay,
                   which else go; else it stops being managed
``x-secret``       says where a secret comes from; ``x-path``: a local path; ``x-size``: bytes
``x-composite``    consumed by expansion: the field of the plain document that it becomes, as
                   ``Disk.size``; ``x-policy``: how to act, no property of the thing
``x-always``       its default counts as declared; ``x-named``: items of a list have unique names
                   (or paths: ``x-named: path``)

``x-short``        of a kind: what the command line calls it, as kubectl does: ``vm``

And for people: ``x-expects`` is what a value must be, in words; ``x-problem`` with ``x-hint`` and
``x-at`` (a field below) is what to say when that very (sub)schema is not met.
"""

from typing import Any

from tiny_cloud import suggest
from tiny_cloud.document import Document
from tiny_cloud.errors import Problem
from tiny_cloud.schema.brief import accepts, brief, has
from tiny_cloud.schema.fields import (
    Ref,
    absolute,
    completed,
    default,
    fields_of,
    flatten,
    impact,
    jsonable,
    keyword,
    refs,
    secret_at,
    secret_of,
    secrets_of,
)
from tiny_cloud.schema.files import kind_named, kinds, short, whole
from tiny_cloud.schema.nested import nested
from tiny_cloud.schema.parts import parts
from tiny_cloud.schema.words import quote

__all__ = ["Ref", "absolute", "accepts", "brief", "completed", "default", "fields_of", "fits",
           "flatten", "has", "impact", "jsonable", "keyword", "kind_named", "kinds", "nested",
           "parts", "refs", "secret_at", "secret_of", "secrets_of", "short", "validate"]


def validate(document: Document) -> list[Problem]:
    """Everything that is wrong with a document by itself, in the order of its lines."""
    if document.kind not in kinds():
        hint = suggest.hint(document.kind, kinds(), "the kinds are")
        return [Problem(f"there is no kind {quote(document.kind)}", document.span(("kind",)), hint)]
    # Each takes a while to import: who never validates need not wait, nor who makes no mistake.
    from tiny_cloud.schema.quick import is_right

    if is_right(document.kind, document.body):
        return []
    from tiny_cloud.schema.errors import problems_of

    return problems_of(document)


def fits(name: str, content: Any) -> bool:
    """Whether something is of the form that ``schemas/NAME.json`` describes."""
    from jsonschema import Draft202012Validator

    return bool(Draft202012Validator(whole(name)).is_valid(content))
