"""A field, or a whole kind, as ``explain`` tells it: all of it comes from the schemas. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from tiny_cloud import suggest
from tiny_cloud.document import API_VERSION
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.schema.files import Node, kind_named, kinds, schema_of, segments, spec_of, trail
from tiny_cloud.schema.table import Row, row, types
from tiny_cloud.schema.words import flow, one_of, quote


class Topic(Struct, frozen=True):
    kind: str
    path: str
    """``spec.disks[].bus``; ``*`` is a name of the user's own; empty: the whole document."""
    node: Node
    required: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2] or self.kind

    @property
    def type(self) -> str:
        items = self.node.get("items")
        return f"list of {types(items)}" if isinstance(items, Mapping) else types(self.node)

    @property
    def allowed(self) -> str:
        """What a value must be, beyond its type; empty: anything."""
        node = self.node.get("items", self.node)
        if "x-ref" in node and "object" not in node.get("type", ""):
            names = {kind.lower(): kind for kind in kinds()}
            return f"the name of a {one_of([names[kind] for kind in node['x-ref']])}"
        if "enum" in node or "const" in node:
            return ", ".join(map(flow, node.get("enum", [node.get("const")])))
        bounds = [f"{word} {node[key]}" for key, word in
                  (("minimum", "at least"), ("maximum", "at most")) if key in node]
        return str(node.get("x-expects") or ", ".join(bounds))

    @property
    def costs(self) -> Row | None:
        """What a change of it costs and what removing it means; None: it is no field of a spec.

        Of what expansion consumes it is said of the plain document."""
        if not self.path.startswith("spec."):
            return None
        field = self.path.removeprefix("spec.")
        kind, field = _plain(self.kind, field)
        return row(kind, field, trail(spec_of(kind), tuple(segments(field)))[-1])

    @property
    def example(self) -> Any:
        """As a document has it there: ``{"size": "10GiB"}``; of a kind a whole document."""
        if not self.path:
            known = self.node["properties"]
            head = {"apiVersion": API_VERSION, "kind": self.kind}
            return {**head, **{key: known[key]["examples"][0] for key in ("metadata", "spec")}}
        return {self.name: self.node["examples"][0]} if "examples" in self.node else None


def kind_meant(word: str) -> str:
    """As manifests write it: ``VirtualMachine`` for ``vm``. Raises Problems."""
    found = kind_named(word)
    if found is None:
        hint = suggest.hint(word, kinds(), "there are")
        raise Problems([Problem(f"there is no kind {quote(word, plain=True)}", None, hint)])
    return found


def topic(kind: str, words: str) -> Topic:
    """Of ``disks.bus``, ``spec.disks[root].bus`` or ``metadata.labels``; empty: the whole kind.

    Raises Problems if there is no such field."""
    found = Topic(kind, "", schema_of(kind))
    names = [word for word in re.sub(r"\[[^\]]*\]", "", words).split(".") if word]
    if names and names[0] not in {field.name for field in fields(found)}:
        names.insert(0, "spec")
    for name in names:
        found = _into(found, name)
    return found


def fields(of: Topic) -> Iterator[Topic]:
    """Right below: of a list the fields of its items."""
    node, path = of.node, of.path
    while isinstance(node.get("items"), Mapping):
        node, path = node["items"], f"{path}[]"
    below = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), Mapping):
        below["*"] = node["additionalProperties"]
    # What is used and not ours (external) is the exception: else is the rule.
    required = {*node.get("required", ()), *node.get("else", {}).get("required", ())}
    for key, known in below.items():
        place = f"{path}.{key}" if path else key
        yield Topic(of.kind, place, known, key in required)


def _into(of: Topic, name: str) -> Topic:
    known = {field.name: field for field in fields(of)}
    found = known.get(name) or known.get("*")
    if found is None:
        place = f"{of.kind}.{of.path}" if of.path else of.kind
        hint = suggest.hint(name, known, "its fields are") or "it has none"
        raise Problems([Problem(f"there is no field {name} in {place}", None, hint)])
    return found


def _plain(kind: str, field: str) -> tuple[str, str]:
    """The field of the plain document that it becomes: (kind, flat field)."""
    steps = tuple(segments(field))
    for at, node in enumerate(trail(spec_of(kind), steps)):
        if "x-composite" in node:
            kind, _, field = node["x-composite"].partition(".")
            rest = ("[]" if isinstance(step, int) else f".{step}" for step in steps[at:])
            return kind, field + "".join(rest)
    return kind, field
