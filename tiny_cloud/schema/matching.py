"""The rules of ours that are no keywords of JSON Schema, or not as it has them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache


def matches(pattern: str, value: object) -> bool:
    """Python's ``$`` also matches before a last line break; no text with a pattern may have one."""
    return not isinstance(value, str) or (
        "\n" not in value and _compiled(pattern).search(value) is not None)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """The schemas have a few dozen; re's own memory is shared with whoever else is in here."""
    return re.compile(pattern)


def is_whole(value: object) -> bool:
    """bool is an int to Python and 2.0 an integer to JSON Schema; neither is a number of
    processors."""
    return isinstance(value, int) and not isinstance(value, bool)


def repeated(key: str, items: object) -> Iterator[tuple[int, str]]:
    """Those of a list's mappings that are called as one before: (place, name)."""
    seen: set[str] = set()
    for place, item in enumerate(items if isinstance(items, list) else ()):
        name = item.get(key) if isinstance(item, dict) else None
        if isinstance(name, str):
            if name in seen:
                yield place, name
            seen.add(name)
