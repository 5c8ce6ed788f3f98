"""Lines between and around what the parser knows of: comments, empty ones, and how far in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BLANK = " \t"
"""YAML has no other spaces; Python has."""


def is_comment(line: str, column: int) -> bool:
    found = line.lstrip(BLANK)
    return found.startswith("#") and len(line) - len(found) > column


def comments(lines: Sequence[str], column: int, *, last: bool = False) -> list[str]:
    """Comments and single empty lines between them; ``last``: nothing comes after them."""
    found: list[str] = []
    for line in lines:
        if line.strip(BLANK):
            found.append(" " * column + line.strip(BLANK))
        elif not found or found[-1]:
            found.append("")
    while last and found and not found[-1]:
        found.pop()
    return found


def trimmed(lines: list[str]) -> Iterator[str]:
    """Without empty lines before the first."""
    at = next((at for at, line in enumerate(lines) if line), len(lines))
    return iter(lines[at:])


def shifted(line: str, by: int, least: int) -> str:
    """At least so far in: a quoted text or a list in brackets may go on left of its own key."""
    text = line.lstrip(" ")
    if not text.strip(BLANK) and least:
        return ""
    return " " * max(len(line) - len(text) + by, least if text else 0) + text
