"""Documents to YAML as people write it: the way back from ``manifest.read``.

What is small stands in one line (``metadata: {name: web}``), what is long is spread out, and no
text is written so that YAML 1.1 or 1.2 could take it for anything else. Fields keep the order in
which they are given.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from tiny_cloud.document import API_VERSION, Document
from tiny_cloud.yaml12 import resolve

WIDTH = 100
"""Columns: a mapping or list that fits is written in one line."""
INDENT = 2


def stream(texts: Iterable[str]) -> str:
    """Documents, as ``text`` writes them, in one file."""
    return "---\n".join(texts)


def text(document: Document, remarks: Sequence[str] = ()) -> str:
    """``remarks``: sentences for whoever reads it, put before it as comments."""
    body = {
        "apiVersion": API_VERSION,
        "kind": document.kind,
        "metadata": _shaped({"name": document.name, **document.metadata},
                            len("metadata: "), INDENT),
        "spec": _spread(document.spec, INDENT),
    }
    return "".join(map(_comment, remarks)) + _dumped(body)


def _comment(remark: str) -> str:
    """What comes from a host is somebody else's text: it must not end the comment."""
    words = " ".join("".join(c if c.isprintable() else " " for c in remark).split())
    return textwrap.fill(words, WIDTH, initial_indent="# ", subsequent_indent="# ",
                         break_long_words=False, break_on_hyphens=False) + "\n"


class _Line(dict[str, Any]):
    """A mapping in one line."""


class _Items(list[Any]):
    """A list in one line."""


def _spread(fields: Mapping[str, Any], column: int) -> dict[str, Any]:
    return {key: _shaped(value, column + len(f"{key}: "), column + INDENT)
            for key, value in fields.items()}


def _shaped(value: Any, here: int, below: int) -> Any:
    """``here`` and ``below``: the columns where it begins in one line, and spread out."""
    if not isinstance(value, Mapping | list | tuple):
        return value
    line = _in_line(value)
    shown = _dumped(line).rstrip("\n")
    # Each item of a list that has fields gets a line of its own, and so does each line of a text.
    if here + len(shown) <= WIDTH and not any(mark in shown for mark in ("\n", "\\n", "[{")):
        return line
    if isinstance(value, Mapping):
        return _spread(value, below)
    return [_shaped(item, below + INDENT, below + INDENT) for item in value]


def _in_line(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _Line({key: _in_line(item) for key, item in value.items()})
    return _Items(map(_in_line, value)) if isinstance(value, list | tuple) else value


class Dumper(yaml.SafeDumper):
    """Plain data, and what is to stand in one line; texts as YAML 1.2 reads them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Items of a list stand below its key."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def one_line(self, data: _Line) -> yaml.Node:
        return self.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)

    def one_list(self, data: _Items) -> yaml.Node:
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)

    def words(self, data: str) -> yaml.Node:
        """PyYAML quotes what YAML 1.1 would take for something else; this is for 1.2."""
        style = "|" if "\n" in data else '"' if resolve(data) != data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


Dumper.add_representer(_Line, Dumper.one_line)
Dumper.add_representer(_Items, Dumper.one_list)
Dumper.add_representer(str, Dumper.words)


def _dumped(value: Any) -> str:
    """Nothing in it that a terminal would act on: such characters are escaped."""
    shown = ""
    for readable in (True, False):
        shown = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=readable,
                          default_flow_style=False, indent=INDENT, width=float("inf"))
        if all(character.isprintable() or character == "\n" for character in shown):
            break
    return shown
