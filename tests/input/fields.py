"""Every text field of every kind, found in the schemas: a new one is in the tests by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
from lxml import etree

from tests.input.manifests import complete, mend
from tiny_cloud.model import Plan
from tiny_cloud.schema.files import Node, kinds, schema_of, spec_of

Path = tuple[str, ...]
ITEM, ANY = "[]", "*"
"""An item of a list; a field of a mapping whose fields have names of the user's own."""
WORD = "naughty"
"""Such a name."""


def texts() -> Iterator[tuple[str, Path]]:
    """(kind, path) of each field that may hold a text, and of the names of those that have any."""
    for kind in kinds():
        for path in _below(schema_of(kind), ()):
            yield kind, path


def _below(node: Node, path: Path) -> Iterator[Path]:
    if "enum" in node or "const" in node:
        return
    if "string" in (types := node.get("type", ())) and types:
        yield path
    for key, known in node.get("properties", {}).items():
        yield from _below(known, (*path, key))
    if isinstance(node.get("additionalProperties"), dict) or "patternProperties" in node:
        yield (*path, ANY)
        yield from _below(_more(node), (*path, ANY))
    if "items" in node:
        yield from _below(node["items"], (*path, ITEM))


class Field:
    """Documents that have the field, and are otherwise as their schemas' examples."""

    def __init__(self, kind: str, path: Path) -> None:
        self.path, self.name = path, f"{kind}.{'.'.join(path)}"
        nodes = list(_trail(schema_of(kind), path))
        self.exact = kind != "Image" and path[-1] != "name" and not any(
            {"x-path", "x-secret"} & {*node} for node in nodes)
        """Not so where a text is made into another by rule: MACs come of names, an image's key of
        what is in it, paths are made absolute, and a secret is only referred to."""
        made = [self._document(kind, path, whole=whole) for whole in (False, True)]
        mended = [one for one in map(deepcopy, made) if mend(one) and _has(one, path)]
        self.right = bool(mended)
        """False: it only goes with something that its schema's examples do not have."""
        self.documents = [*mended, *made][:1]
        if self.right:
            complete(self.documents)

    def _document(self, kind: str, path: Path, *, whole: bool) -> dict[str, Any]:
        """``whole``: with all that examples have around it; else with what has to be there."""
        node = schema_of(kind)["properties"][path[0]]
        document = {"apiVersion": "tinycloud/v1", "kind": kind, "metadata": {"name": "a"},
                    "spec": _example(spec_of(kind), whole=True)}
        document[path[0]] = _around(node, path[1:], whole=whole) | (
            {"name": "a"} if path[0] == "metadata" else {})
        return document

    def holding(self, what: Any) -> list[dict[str, Any]]:
        """``what`` as the field's value; a text where users' own names stand, as such a name."""
        documents = deepcopy(self.documents)
        value: Any = documents[0]
        for key in self.path[:-1]:
            value = value[_key(value, key)]
        last = _key(value, self.path[-1])
        if self.path[-1] == ANY and isinstance(what, str):
            value[what] = value.pop(last)
        else:
            value[last] = what
        return documents


def _trail(node: Node, path: Path) -> Iterator[Node]:
    yield node
    for key in path:
        node = (node["items"] if key == ITEM else _more(node) if key == ANY
                else node["properties"][key])
        yield node


def _key(value: Any, key: str) -> Any:
    """The first item, the first field of a mapping of users' own names."""
    return 0 if key == ITEM else next(iter(value)) if key == ANY else key


def _has(value: Any, path: Path) -> bool:
    for key in path:
        fits = isinstance(value, list if key == ITEM else dict)
        if not fits or not value or (key not in (ITEM, ANY) and key not in value):
            return False
        value = value[_key(value, key)]
    return True


def _around(node: Node, path: Path, *, whole: bool) -> Any:
    """What leads to the end of a path."""
    if not path:
        return _example(node, whole=True)
    key = path[0]
    if key == ITEM:
        return [_around(node["items"], path[1:], whole=whole)]
    if key == ANY:
        return {WORD: _around(_more(node), path[1:], whole=whole)}
    found = _example(node, whole=whole)
    found = found if isinstance(found, dict) else {}
    found[key] = _around(node["properties"][key], path[1:], whole=whole)
    for branches in (node.get("oneOf", ()), node.get("anyOf", ()), [node.get("else", {})]):
        wanted = [branch.get("required", ()) for branch in branches]
        if wanted and not any(found.keys() >= set(names) for names in wanted):
            found |= {name: _example(node["properties"][name], whole=True) for name in wanted[0]
                      if name not in found}
    return found


def _more(node: Node) -> Node:
    more = node.get("additionalProperties")
    found: Node = more if isinstance(more, dict) else next(iter(node["patternProperties"].values()))
    return found


def _example(node: Node, *, whole: bool) -> Any:
    if whole and node.get("examples"):
        return deepcopy(node["examples"][0])
    types = node.get("type", "string")
    kind = types if isinstance(types, str) else types[0]
    if "properties" in node:
        return {key: _example(node["properties"][key], whole=True)
                for key in node.get("required", ())}
    plain: dict[str, Any] = {"object": {}, "array": [], "integer": 1, "boolean": True}
    return plain.get(kind, WORD)


def steps(plan: Plan) -> list[Any]:
    """All that would be done, XML taken apart."""
    return [plain(step) for change in plan.changes
            for step in (*change.down, *change.up, *change.seal)]


def plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return [type(value).__name__, plain(msgspec.to_builtins(value))]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str) and value.startswith(("<domain", "<network")):
        return _element(etree.fromstring(value))
    if isinstance(value, str) and value.startswith(('{"', '["')):
        return plain(json.loads(value))
    return value


def _element(element: Any) -> list[Any]:
    return ["element", str(element.tag), dict(element.attrib), element.text or "",
            [_element(child) for child in element], element.tail or ""]


def replaced(value: Any, old: str, new: str) -> Any:
    """The same with another text wherever that one stands."""
    if isinstance(value, dict):
        return {replaced(key, old, new): replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value
