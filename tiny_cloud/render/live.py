"""Events while they happen: in a window what goes on stands below what has ended, with how far it
has come; elsewhere it is a log, a line an event, each with its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import rich.live
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tiny_cloud.events import Event
from tiny_cloud.model import Address, Plan
from tiny_cloud.render import events
from tiny_cloud.render.bars import Row, lines
from tiny_cloud.render.lines import say
from tiny_cloud.render.tally import Tally
from tiny_cloud.render.text import one_line


@dataclass(slots=True)
class Live:
    """``clock``: seconds, from whenever; ``now``: the time of day, in words."""

    console: Console
    plan: Plan
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], str] = lambda: time.strftime("%H:%M:%S")
    tally: Tally = field(init=False)
    notice: str = field(default="", init=False)
    """Said below all else, from when it is set."""
    _began: dict[Address, float] = field(default_factory=dict, init=False)
    _rows: dict[Address, Row] = field(default_factory=dict, init=False)
    _started: float = field(default=0.0, init=False)
    _screen: rich.live.Live | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.tally, self._started = Tally.of(self.plan), self.clock()

    @property
    def moves(self) -> bool:
        """Whether lines can be written over (TERM=dumb cannot)."""
        console = self.console
        return console.is_terminal and not console.is_dumb_terminal and not console.quiet

    def __enter__(self) -> Self:
        if self.moves:
            self._screen = rich.live.Live(
                self, console=self.console, transient=True, refresh_per_second=8,
                redirect_stdout=False, redirect_stderr=False)
            self._screen.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._screen is not None:
            self._screen.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """In another thread than ``show``."""
        room = max(1, options.size.height - 3)
        yield from lines(list(self._rows.values()), self.tally, self.clock(), self._started,
                         width=options.max_width, height=room)
        if self.notice:
            yield Text(f"  {self.notice}", style="bold yellow")

    def warn(self, text: str) -> None:
        """From the handler of a signal, which may come in the middle of anything."""
        self.notice = text

    def show(self, event: Event) -> None:
        self.tally.note(event)
        now = self.clock()
        if event.what == "started":
            self._began.setdefault(event.address, now)
            self._rows[event.address] = Row(one_line(event.address), now)
        elif event.what == "progress" and event.address in self._rows:
            self._rows[event.address].note(one_line(event.text), event.amount, now)
        elif event.what in ("done", "failed"):
            self._rows.pop(event.address, None)
        if not (self.moves and event.what == "started"):
            self._print(event, now - self._began.get(event.address, now))

    def _print(self, event: Event, took: float) -> None:
        words = events.line(event, self.tally, took)
        if words is None:
            return
        head = "  " if self.moves else f"{self.now()} "
        say(self.console, Text(head).append_text(words))
        if event.what == "failed":
            events.show_failed(self.console, event, len(head) + 2)
