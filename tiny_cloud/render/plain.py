"""What a terminal or a file cannot hold, in letters that it can: not all of them are UTF-8."""

from __future__ import annotations

import codecs
from io import TextIOWrapper
from typing import TextIO

NAME = "tinycloud-plain"
"""By which codecs know it (docs.python.org/3/library/codecs.html, error handlers)."""
LETTERS = {
    "→": "->", "±": "+/-", "↻": "@", "·": "*", "…": "...", "✓": "ok", "✘": "FAILED", "⊘": "-",
    "━": "#", "─": ".",
    **dict(zip("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", r"|/-\|/-\|/", strict=True)),
}


def allow(*streams: TextIO) -> None:
    """Nothing that is printed there can fail for its letters."""
    codecs.register_error(NAME, _spelled)
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=NAME)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start:error.end]
    text = "".join(LETTERS.get(letter) or f"\\u{ord(letter):04x}" for letter in missing)
    return text, error.end
