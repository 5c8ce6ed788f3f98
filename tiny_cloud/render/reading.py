"""Something that is read through once: on a terminal how far it is, elsewhere nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn


@contextmanager
def reading(console: Console, name: str) -> Iterator[Callable[[int, int], None]]:
    """What is to be told: bytes that have come, and bytes in all (0: nobody knows)."""
    columns = (TextColumn("{task.description}", markup=False), DownloadColumn(binary_units=True),
               TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True,
                  disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)
