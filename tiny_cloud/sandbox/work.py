"""Plans that are carried out on behalf of somebody who presses Ctrl-C when it takes too long."""

from __future__ import annotations

import threading
from contextlib import nullcontext

from tiny_cloud.api import Planned
from tiny_cloud.journal import PATIENCE
from tiny_cloud.verbs.interrupts import minded


def carry_out(planned: Planned, patience: float = PATIENCE) -> None:
    """At Ctrl-C and SIGTERM what runs comes to its end first; then raises KeyboardInterrupt.

    ``patience``: seconds to wait for another run. Raises Failure, Incomplete.
    """
    # Only the main thread is told of signals (signal(2) in Python's library).
    mains = threading.current_thread() is threading.main_thread()
    with minded() if mains else nullcontext(lambda: False) as stopping:
        try:
            planned.apply(stopping=stopping, patience=patience)
        finally:
            if stopping():
                raise KeyboardInterrupt
