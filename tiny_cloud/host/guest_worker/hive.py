"""Values in Windows' registry, by hivex: a path is FILE::KEY\\KEY\\NAME."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .tree import Refused, Tree, kind_of

SEPARATOR = "::"


def split(path: str) -> tuple[str, list[str], str]:
    """The hive's file, the key, the value's name."""
    file, _, value = path.partition(SEPARATOR)
    *key, name = value.split("\\")
    return file, key, name


def look(g: Any, path: str) -> dict[str, Any] | None:
    """What the other side is told of a value; None: it is absent, or the hive is."""
    file, key, name = split(path)
    facts = Tree(g).lstat(file)
    if facts is None or kind_of(facts["st_mode"]) != "file":
        return None
    with opened(g, file, write=False) as node:
        for part in key:
            node = node and g.hivex_node_get_child(node, part)
        value = node and g.hivex_node_get_value(node, name)
        if not value:
            return None
        content = base64.b64encode(g.hivex_value_value(value)).decode()
        return {"kind": "value", "content": content}


def write(g: Any, file: str, values: list[dict[str, Any]]) -> None:
    """Keys that are missing are made. The file is written where it is."""
    with opened(g, file, write=True) as root:
        for value in values:
            _, key, name = split(value["path"])
            node = root
            for part in key:
                node = g.hivex_node_get_child(node, part) or g.hivex_node_add_child(node, part)
            g.hivex_node_set_value(node, name, value["kind"], base64.b64decode(value["data"]))
        g.hivex_commit(None)


@contextmanager
def opened(g: Any, file: str, *, write: bool) -> Iterator[int]:
    """Its root. What Windows had no time to write is in logs beside it, which hivex does not know:
    then the two sequence numbers of its header differ."""
    header = g.pread(file, 12, 0)
    if write and header[4:8] != header[8:12]:
        raise Refused(f"{file} was not closed by Windows: start it, and shut it down cleanly")
    g.hivex_open(file, write=write)
    try:
        yield g.hivex_root()
    finally:
        g.hivex_close()
