"""A document: what one manifest says of one thing, and where it says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tiny_cloud.errors import Span
from tiny_cloud.yaml12 import Path

_WORDS = re.compile(r"\[([^\]]*)\]|([^.\[]+)")
API_VERSION = "tinycloud/v1"


@dataclass(frozen=True)
class Document:
    """One document as it was written, or a plain one that a composite was expanded into."""

    kind: str
    name: str
    """``metadata.name``; empty when there is none (its schema complains)."""
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    spans: Mapping[Path, Span] = field(default_factory=dict, repr=False, compare=False)
    """Where the value at a path stands: ``("spec", "disks", 0, "size")``."""
    api_version: str = API_VERSION
    folder: str = "/"
    """Absolute path of the folder that relative paths start from; for stdin the working folder."""
    keys: Mapping[Path, Span] = field(default_factory=dict, repr=False, compare=False)
    """Where the key of a field stands."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields beside apiVersion, kind, metadata and spec: none is known."""

    def span(self, path: Path = ()) -> Span | None:
        """Where the value at this path is, or the nearest thing around it; None: nowhere."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.spans:
                return self.spans[path[:end]]
        return None

    def key_span(self, path: Path) -> Span | None:
        """Where the field's key is; without one (an item of a list), the value."""
        return self.keys.get(path) or self.span(path)

    def field_span(self, field: str) -> Span | None:
        """Where a flat field is (``disks[data].bus``), or the nearest thing around it."""
        path: Path = ("spec",)
        value: Any = self.spec
        for item, key in _WORDS.findall(field):
            if item and isinstance(value, list | tuple):
                places = [at for at, one in enumerate(value) if _is_called(one, item)]
                if not places:
                    break
                path, value = (*path, places[0]), value[places[0]]
            elif isinstance(value, Mapping) and (item or key) in value:
                path, value = (*path, item or key), value[item or key]
            else:
                break
        return self.key_span(path)

    @property
    def body(self) -> dict[str, Any]:
        """The whole document, for its schema."""
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": self.metadata,
                "spec": self.spec, **self.extra}


def _is_called(item: Any, name: str) -> bool:
    return isinstance(item, Mapping) and item.get("name") == name
