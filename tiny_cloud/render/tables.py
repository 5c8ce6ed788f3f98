"""Plain tables, as kubectl and virsh print them: columns of words, no lines between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from tiny_cloud.render.text import one_line

PLAIN: Mapping[int, Mapping[str, str]] = {}


def show(
    console: Console, head: Sequence[str], rows: Iterable[Sequence[str]],
    styles: Mapping[int, Mapping[str, str]] = PLAIN, *, indent: int = 0, title: str = "",
) -> None:
    """``styles``: by column the styles of certain words in it."""
    if title:
        console.print(Text(title, style="bold"))
    lines = [tuple(head), *(tuple(map(one_line, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        shown = Text(" " * indent)
        for at, (word, width) in enumerate(zip(line, widths, strict=True)):
            shown.append(word.ljust(width), style=styles.get(at, {}).get(word, "")).append("  ")
        shown.rstrip()
        console.print(shown)
