"""Which field comes first: as in the schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiny_cloud.layout.places import Place
from tiny_cloud.schema.files import Node, kinds, schema_of

HEAD = ("apiVersion", "kind", "metadata", "spec")


def known_of(node: Place, known: Node | None) -> Node | None:
    """A mapping with a kind is a document, wherever it stands."""
    kind = node.field("kind")
    if kind and node.field("apiVersion"):
        return schema_of(kind[1].text or "") if kind[1].text in kinds() else {}
    return known


def ranks_of(node: Place, known: Node | None) -> Mapping[str, int]:
    """Which field comes first: those that the schema has, in its order, then the others."""
    order: Any = (known or {}).get("properties", {})
    document = known is not None and node.field("apiVersion") and node.field("kind")
    return {name: at for at, name in enumerate(HEAD if document else order)}
