"""Nodes to values: what plain text means, fields that are written once, merges unfolded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml
from msgspec import Struct, field

from tiny_cloud.errors import Problem, Span
from tiny_cloud.yaml12.nodes import Node, compose
from tiny_cloud.yaml12.text import FORBIDDEN, Source, Unreadable, shorten

Path: TypeAlias = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]{1,17}|(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,17})?)(?:[eE][-+]?[0-9]{1,2})?",
    re.ASCII)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Tree(Struct):
    """One document: its value, where each value stands, and where each key does."""

    value: Any = None
    spans: dict[Path, Span] = field(default_factory=dict)
    keys: dict[Path, Span] = field(default_factory=dict)


def trees(source: Source) -> Iterator[Tree]:
    """The documents that can be read; ``source.problems`` says what is wrong with the others.

    Empty documents are left out, and a Kubernetes ``kind: List`` is the documents it lists.
    """
    try:
        source.refuse_controls()
        source.refuse_directives()
        for root in compose(source):
            for node in _documents(root, source):
                tree = Tree()
                tree.value = _value(node, (), tree, source)
                yield tree
    except yaml.YAMLError as error:
        source.problems.append(_syntax(error, source))
    except Unreadable as error:
        source.problems.append(error.problem)


def resolve(text: str) -> str | int | float | bool | None:
    """What a plain scalar means in YAML 1.2's core schema (yaml.org/spec/1.2.2, 10.3.2).

    Octal and hexadecimal numbers, infinities, and numbers with leading zeros or more than 18 digits
    stay text: they are rather somebody's identifier than a number.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _documents(root: Node, source: Source) -> Iterator[Node]:
    """Lists of lists by alias are counted, too: they unfold to nothing, but take their time."""
    source.count(source.span(root.line, root.column), 0)
    if root.empty:
        return
    fields = {key.text: value for key, value in root.fields or ()}
    kind, items = fields.get("kind"), fields.get("items")
    if kind is not None and kind.text == "List" and items is not None and items.fields is None:
        for item in items.items or ():
            yield from _documents(item, source)
    else:
        yield root


def _value(node: Node, path: Path, tree: Tree, source: Source) -> Any:
    span = source.span(node.line, node.column)
    source.count(span, len(path))
    tree.spans[path] = span
    if node.text is not None:
        return _scalar(node, span, source)
    if node.tag not in (None, "!", f"{_TAG}seq" if node.fields is None else f"{_TAG}map"):
        source.complain(f"the tag {shorten(str(node.tag))} is not known here", span, "leave it out")
    if node.items is not None:
        return [_value(item, (*path, place), tree, source) for place, item in enumerate(node.items)]
    result: dict[str, Any] = {}
    for name, (key, value) in _fields(node, source, 0).items():
        below = (*path, name)
        tree.keys[below] = source.span(key.line, key.column)
        result[name] = _value(value, below, tree, source)
    return result


def _fields(node: Node, source: Source, depth: int) -> dict[str, tuple[Node, Node]]:
    """The fields of a mapping, each once; its own come before those merged into it with ``<<``."""
    own: dict[str, tuple[Node, Node]] = {}
    merged: list[Node] = []
    for key, value in node.fields or ():
        span = source.span(key.line, key.column)
        source.count(span, depth)
        if key.text is None:
            source.complain("a key must be a plain word", span,
                            "quote it if it begins with a bracket or a brace")
        elif key.text == "<<" and key.plain:
            merged += [value] if value.items is None else value.items
        elif key.text in own:
            first = own[key.text][0].line + 1
            source.complain(f"the key {shorten(key.text)} is written twice in one mapping", span,
                            f"the first is at line {first}; remove one of them")
        else:
            _refuse_escapes(key, span, source)
            own[key.text] = (key, value)
    for other in merged:
        if other.fields is None:
            source.complain("only mappings can be merged with <<",
                            source.span(other.line, other.column), "write <<: *NAME")
        for name, pair in _fields(other, source, depth + 1).items():
            own.setdefault(name, pair)
    return own


def _scalar(node: Node, span: Span, source: Source) -> str | int | float | bool | None:
    text = node.text or ""
    if node.plain:
        return resolve(text)
    _refuse_escapes(node, span, source)
    if node.tag in (None, "!", f"{_TAG}str"):
        return text
    value = resolve(text)
    types = {bool: "bool", int: "int", float: "float", type(None): "null"}
    if node.tag != _TAG + types.get(type(value), "str"):
        source.complain(f"the tag {shorten(str(node.tag))} does not fit here", span, "leave it out")
    return value


def _refuse_escapes(node: Node, span: Span, source: Source) -> None:
    if FORBIDDEN.search(node.text or ""):
        source.complain("this text holds a control character", span,
                        "remove the escape that makes it")


def _syntax(error: yaml.YAMLError, source: Source) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = " ".join(word for word in (getattr(error, "problem", ""), getattr(error, "context", ""))
                     if word) or str(error)
    hint = "look at the indentation, and quote text that holds ': ' or ' #' or begins with a sign"
    if mark and source.lines[mark.line:] and "\t" in source.lines[mark.line][:mark.column + 1]:
        hint = "indent with spaces, not with tabs"
    return Problem(f"this is not YAML: {words}",
                   source.span(mark.line, mark.column) if mark else None, hint)
