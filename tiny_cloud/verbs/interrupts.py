"""Ctrl-C, SIGTERM and SIGHUP, while something is carried out: what runs ends, and nothing else
begins. The second one cuts off what runs, too.

As an exception it would come in the middle of anything, also of the thread pool's own bookkeeping:
the lock would be let go while a step goes on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The last comes when the window is closed or the connection breaks."""
ENDING = "Stops when what is under way has ended; Ctrl-C again cuts that off."
CUTTING = "Cuts off what is under way."


def write(text: str) -> None:
    """Not through a stream, which may be in the middle of a write."""
    stderr = sys.__stderr__.fileno() if sys.__stderr__ else 2
    with suppress(OSError):  # nobody may be there any more
        # A terminal shows the ^C that was typed.
        os.write(stderr, f"{os.linesep * os.isatty(stderr)}{text}\n".encode())


@contextmanager
def minded(say: Callable[[str], None] = write) -> Iterator[Callable[[], bool]]:
    """Whether one came, to be asked before anything is begun. Until it is asked for the first time
    nothing has been, and a signal does what it always does."""
    from tiny_cloud.host import cut_off

    before: dict[signal.Signals, signal._HANDLER] = {}
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 2:
            cut_off.ask()
        if len(came) <= 2:
            say(CUTTING if len(came) == 2 else ENDING)

    def stopping() -> bool:
        if not before:
            before.update({number: signal.signal(number, note) for number in SIGNALS
                           if signal.getsignal(number) is not signal.SIG_IGN})  # see nohup(1)
        return bool(came)

    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        cut_off.ask(False)
