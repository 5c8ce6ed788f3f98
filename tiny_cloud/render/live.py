"""Events while they happen: in a window what goes on stands below what has ended, with how far it
has come; elsewhere it is a log, a line an event, each with its time."""

from __future__ import annotations

import threading
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

PERIOD = 1 / 8
"""Seconds from one look of what goes on to the next."""


@dataclass(slots=True)
class Live:
    """``clock``: seconds, from whenever; ``now``: the time of day, in words.

    Who writes holds the lock: rich counts the lines to go back up before it writes, and one thread
    between the two of another would have it go up too far, over what others have written.
    """

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
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _ended: threading.Event = field(default_factory=threading.Event, init=False)
    _ticker: threading.Thread | None = field(default=None, init=False)

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
                self, console=self.console, transient=True, auto_refresh=False,
                redirect_stdout=False, redirect_stderr=False)
            self._screen.start()
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        if self._screen is not None:
            self._screen.stop()

    def _tick(self) -> None:
        while self._screen is not None and not self._ended.wait(PERIOD):
            with self._lock:
                self._screen.refresh()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """In the thread that shows an event, or in the one that keeps the time."""
        room = max(1, options.size.height - 3)
        yield from lines(list(self._rows.values()), self.tally, self.clock(), self._started,
                         width=options.max_width, height=room)
        if self.notice:
            yield Text(f"  {self.notice}", style="bold yellow")

    def warn(self, text: str) -> None:
        """From the handler of a signal, which may come in the middle of anything."""
        self.notice = text

    def show(self, event: Event) -> None:
        with self._lock:
            self._show(event)

    def _show(self, event: Event) -> None:
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
