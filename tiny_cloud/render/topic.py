"""What ``explain`` says of a field: its words, an example as one would type it, what is below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import yaml
from rich.console import Console
from rich.text import Text

from tiny_cloud import schema
from tiny_cloud.render import tables
from tiny_cloud.schema.files import schema_of
from tiny_cloud.schema.topics import Topic, fields

WIDEST = 100
"""Columns: longer lines are hard to read, however wide the window is."""


def kinds(console: Console) -> None:
    tables.show(console, ("KIND", "SHORT", ""), [
        (kind, ", ".join(schema.short(kind)), str(schema_of(kind)["description"]))
        for kind in schema.kinds()])


def show(console: Console, topic: Topic) -> None:
    width = min(console.width, WIDEST)
    title = f"{topic.kind}.{topic.path}" if topic.path else topic.kind
    console.print(Text(title, style="bold"))
    console.print(_filled(str(topic.node.get("description", "")), width, "  "))
    console.print()
    for label, words in _facts(topic):
        head = f"{label}:".ljust(12)
        line = Text(_filled(words, width, " " * 12, head))
        line.stylize("cyan", 0, len(label) + 1)
        console.print(line)
    if topic.example is not None:
        console.print(Text("Example:", style="cyan"))
        console.print(Text(textwrap.indent(written(topic), "  ").rstrip()))
    # Of a kind it is the fields of its spec that are looked for.
    of = topic if topic.path else next(one for one in fields(topic) if one.path == "spec")
    if below := list(fields(of)):
        console.print()
        console.print(Text("Fields (* has to be there):", style="cyan"))
        _table(console, below, width)


def tree(console: Console, topic: Topic, depth: int = 0) -> None:
    """All fields below, with their types, as ``--recursive`` shows them."""
    for field in fields(topic):
        console.print(Text("  " * depth + _label(field) + f"  <{field.type}>"))
        tree(console, field, depth + 1)


def written(topic: Topic) -> str:
    """The example as YAML."""
    plain = not any(isinstance(value, dict | list) for value in topic.example.values())
    text: str = yaml.safe_dump(topic.example, sort_keys=False, allow_unicode=True, width=WIDEST,
                               default_flow_style=False if plain else None)
    return text


def _facts(topic: Topic) -> Iterator[tuple[str, str]]:
    yield "Type", topic.type
    if topic.allowed:
        yield "Allowed", topic.allowed
    if topic.required:
        yield "Required", "yes"
    costs = topic.costs
    if costs is None:
        return
    if costs.default:
        yield "Default", costs.default
    yield "A change", costs.cost
    if not topic.required:
        yield "Taken out", costs.removal


def _table(console: Console, below: list[Topic], width: int) -> None:
    """Names, types, and what they are, which is folded."""
    names, kinds = [_label(field) for field in below], [field.type for field in below]
    first, second = max(map(len, names)) + 2, max(map(len, kinds)) + 2
    for field, name, kind in zip(below, names, kinds, strict=True):
        head = f"  {name.ljust(first)}{kind.ljust(second)}"
        text = str(field.node.get("description", "")) or field.allowed
        line = Text(_filled(text, width, " " * len(head), head))
        line.stylize("bold", 2, 2 + len(name))
        console.print(line)


def _label(field: Topic) -> str:
    name = "NAME" if field.name == "*" else field.name
    return f"{name}*" if field.required else name


def _filled(text: str, width: int, indent: str, first: str | None = None) -> str:
    head = indent if first is None else first
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=indent,
                         break_on_hyphens=False) or head.rstrip()
