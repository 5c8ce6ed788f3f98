"""Text on lines: in a window they break between words, elsewhere never."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

HANG = 2
"""How much further in a text goes on than it began."""

_WORDS = re.compile(r"\s*(?:--[a-z-]+ )?\S+\s*")
"""An option and its value are one."""


def say(console: Console, text: Text, indent: int = 0) -> None:
    """A file is searched by lines, and nothing is gained by more of them. A word that is longer
    than the window stays whole: a path has to be copied from there."""
    if not console.is_terminal:
        # As rich would, without what it does for colours: there are thousands of lines.
        console.file.write(f"{' ' * indent}{text.plain}\n")
        console.file.flush()
        return
    for number, line in enumerate(broken(text, console.width - indent)):
        console.print(Text(" " * (indent + (HANG if number else 0))).append_text(line))


def broken(text: Text, width: int) -> list[Text]:
    """``width``: columns of the first line."""
    lines = text.divide(_breaks(text.plain, width))
    for line in lines:
        line.rstrip()
    return list(lines)


def _breaks(plain: str, width: int) -> Iterator[int]:
    used = 0
    for word in _WORDS.finditer(plain):
        length = cell_len(word[0].rstrip())
        if used and used + length > width:
            yield word.start()
            used = HANG
        used += cell_len(word[0])
