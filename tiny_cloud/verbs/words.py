"""What a shell completes: kinds, fields, and the names that manifests declare.

It is asked at each press of a key: nothing here imports what costs a start, asks the host, or ever
says that something is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    pass


def kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tiny_cloud.schema import files

    return [kind for kind in files.kinds() if kind.lower().startswith(incomplete.lower())]


def fields(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``KIND.FIELD…``, one more level of it."""
    from tiny_cloud.errors import Problems
    from tiny_cloud.schema import files, topics

    head, dot, last = incomplete.rpartition(".")
    if not dot:
        return [CompletionItem(kind) for kind in kinds(ctx, param, incomplete)]
    word, _, below = head.partition(".")
    kind = next((kind for kind in files.kinds() if kind.lower() == word.lower()), "")
    try:
        found = list(topics.fields(topics.topic(kind, below or "spec"))) if kind else []
    except Problems:
        return []
    return [CompletionItem(f"{head}.{field.name}", help=str(field.node.get("description", "")))
            for field in found if field.name.startswith(last) and field.name != "*"]
