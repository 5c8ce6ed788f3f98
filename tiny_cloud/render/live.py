"""Events while they happen: on a terminal what runs now stands below the log, with its progress."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tiny_cloud.model import Address, Event
from tiny_cloud.render.text import one_line, show_event


class Live:
    """Shows events; elsewhere than on a terminal it is a log, a line an event, without progress."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[Address, TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[share]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        if event.what == "progress":
            self._advance(event)
            return
        if event.what in ("done", "failed") and event.address in self._rows:
            self._progress.remove_task(self._rows.pop(event.address))
        if event.what == "started" and self._console.is_terminal:
            text = one_line(event.address)
            self._rows[event.address] = self._progress.add_task(text, total=None, share="")
            return
        show_event(self._console, event)

    def _advance(self, event: Event) -> None:
        row = self._rows.get(event.address)
        if row is None:
            return
        words = one_line(f"{event.address} {event.text}")
        if event.fraction is None:
            self._progress.update(row, description=words, total=None, share="")
        else:
            share = f"{event.fraction:4.0%}"
            self._progress.update(
                row, description=words, total=1.0, completed=event.fraction, share=share
            )
