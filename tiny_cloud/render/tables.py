"""Plain tables, as kubectl and virsh print them: columns of words, no lines between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console

from tiny_cloud.render.text import one_line


def show(console: Console, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [tuple(head), *(tuple(map(one_line, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (word.ljust(width) for word, width in zip(line, widths, strict=True))
        console.print("  ".join(cells).rstrip())
