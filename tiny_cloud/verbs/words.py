"""What a shell completes: kinds, fields, files, and the names that manifests declare.

It is asked at each press of a key: nothing here imports what costs a start, asks the host, or ever
says that something is wrong. What a parameter takes is known by what help calls it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from tiny_cloud.document import Document

Complete: TypeAlias = Callable[[click.Context, str], Iterator[CompletionItem]]


class Completed(click.types.StringParamType):
    """Any text, of which a shell knows what it may be."""

    def __init__(self, complete: Complete) -> None:
        self.complete = complete

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return list(self.complete(ctx, incomplete))


def teach(command: click.Command) -> None:
    """Let a shell complete what the verb takes, and the verbs below it."""
    for param in command.params:
        complete = COMPLETES.get(called(param))
        if complete is not None and param.type is click.STRING:
            param.type = Completed(complete)
    for verb in getattr(command, "commands", {}).values():
        teach(verb)


def called(param: click.Parameter) -> str:
    """``PATH`` of ``[PATH]...``: what help calls it, without how often."""
    name = param.metavar or (param.name or "").upper()
    return re.sub(r"\[|\]|\.\.\.", "", name)


def _kinds(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    from tiny_cloud import schema

    for kind in schema.kinds():
        if kind.lower().startswith(incomplete.lower()):
            yield CompletionItem(kind)


def _fields(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """``KIND.FIELD``, one more level of it."""
    from tiny_cloud import schema
    from tiny_cloud.errors import Problems
    from tiny_cloud.schema import topics

    head, dot, last = incomplete.rpartition(".")
    word, _, below = head.partition(".")
    kind = schema.kind_named(word)
    if not dot:
        yield from _kinds(ctx, incomplete)
    elif kind is not None:
        try:
            found = list(topics.fields(topics.topic(kind, below or "spec")))
        except Problems:
            return
        for field in found:
            if field.name.startswith(last) and field.name != "*":
                yield CompletionItem(f"{head}.{field.name}", help=field.type)


def _addresses(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """KIND/NAME; the kind as it is typed so far, be it short."""
    from tiny_cloud import schema

    word, slash, _ = incomplete.partition("/")
    meant = schema.kind_named(word) if slash else None
    for kind, name in _declared(ctx):
        shown = f"{word if kind == meant else kind.lower()}/{name}"
        if shown.startswith(incomplete):
            yield CompletionItem(shown)


def _names(*kinds: str) -> Complete:
    """NAME or KIND/NAME, of these kinds."""
    def complete(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
        if "/" in incomplete:
            yield from _addresses(ctx, incomplete)
            return
        names = dict.fromkeys(name for kind, name in _declared(ctx) if kind in kinds)
        yield from (CompletionItem(name) for name in names if name.startswith(incomplete))
    return complete


def _declared(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Kind and name of all that can be read of the manifests, valid or not."""
    from tiny_cloud import manifest

    documents, _ = manifest.read([path for path in _paths(ctx) if path != "-"])
    found = (one for document in documents if document.name for one in _plain(document))
    yield from dict.fromkeys((kind, name) for kind, name in found if name.isprintable())


def _paths(ctx: click.Context) -> Sequence[str]:
    """Where an option's value is being completed, click has not got to the arguments yet."""
    arguments = [param.name for param in ctx.command.params if isinstance(param, click.Argument)]
    given = ctx.params.get("paths") or (ctx.args if "paths" in arguments else ())
    return tuple(given) or ("manifests",)


def _plain(document: Document) -> Iterator[tuple[str, str]]:
    from tiny_cloud.derived import disk_of

    yield document.kind, document.name
    if document.kind == "VirtualMachine":
        for item in _mappings(document.spec.get("disks")):
            made = disk_of(document.name, item) if isinstance(item.get("name"), str) else None
            if made is not None:
                yield made
        if isinstance(document.spec.get("guest"), Mapping):
            yield "Guest", document.name


def _mappings(value: object) -> Sequence[Mapping[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def _place(kind: str) -> Complete:
    """``file`` or ``dir``: the shell itself knows those."""
    return lambda ctx, incomplete: iter([CompletionItem(incomplete, type=kind)])


def _either(*several: Complete) -> Complete:
    return lambda ctx, incomplete: (item for one in several for item in one(ctx, incomplete))


_DISKS = ("Disk", "LogicalVolume")
_FILE = _place("file")
COMPLETES: Mapping[str, Complete] = {
    "PATH": _FILE, "FILE": _FILE, "FOLDER": _place("dir"), "DIR": _place("dir"),
    "KIND": _kinds, "KIND.FIELD": _fields, "KIND/NAME": _addresses,
    "PATH KIND/NAME": _either(_FILE, _addresses),
    "MACHINE": _names("VirtualMachine"), "DISK": _names(*_DISKS, "VirtualMachine"),
}
"""By what help calls a parameter."""
UNKNOWN = frozenset({"URI", "DURATION", "NEW-IMAGE", "NAME", "USER", "LABELS", "KEY=VALUE",
                     "LINES|all"})
"""What no manifest says and no shell can know."""
