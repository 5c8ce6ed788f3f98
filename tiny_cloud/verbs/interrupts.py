"""Ctrl-C, and SIGTERM, while something is carried out: what runs ends, and nothing else begins.

As an exception it would come in the middle of anything, also of the thread pool's own bookkeeping:
the lock would be let go while a step goes on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAID = "\nStops when what is under way has ended; what is not done then is for the next apply.\n"


@contextmanager
def minded() -> Iterator[Callable[[], bool]]:
    """Whether one came, to be asked before anything is begun. Until it is asked for the first time
    nothing has been, and a signal does what it always does."""
    before: dict[signal.Signals, signal._HANDLER] = {}
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if not came:
            # Not through a stream, which may be in the middle of a write.
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, SAID.encode())
        came.append(number)

    def stopping() -> bool:
        if not before:
            before.update({number: signal.signal(number, note) for number in SIGNALS})
        return bool(came)

    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
