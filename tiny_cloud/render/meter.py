"""How fast something goes and how long it will take. Pure: whoever asks brings the time."""

from __future__ import annotations

from collections import deque

from msgspec import Struct, field

from tiny_cloud.events import Amount

WINDOW = 10.0
"""Seconds over which a speed is taken: a network's changes, and people read slowly."""
SOONEST = 0.5
"""Seconds before which nothing is said of it."""


class Meter(Struct):
    seen: deque[tuple[float, int]] = field(default_factory=deque)
    """Seconds, and the bytes that were done by then."""
    total: int = 0

    def note(self, amount: Amount, now: float) -> None:
        if self.seen and (amount.done < self.seen[-1][1] or amount.total != self.total):
            self.seen.clear()  # it began again, or something else did
        self.total = amount.total
        self.seen.append((now, amount.done))
        while len(self.seen) > 2 and now - self.seen[1][0] >= WINDOW:
            self.seen.popleft()

    def speed(self, now: float) -> float:
        """Bytes a second; 0: not known yet, or it stands still."""
        if not self.seen or now - self.seen[0][0] < SOONEST:
            return 0.0
        (begin, before), (_, done) = self.seen[0], self.seen[-1]
        return (done - before) / (now - begin)

    def left(self, now: float) -> float | None:
        """Seconds; None: nobody knows."""
        speed = self.speed(now)
        return (self.total - self.seen[-1][1]) / speed if speed and self.total else None


def seconds(time: float) -> str:
    """As people say it, to two units: ``12 s``, ``2 min 5 s``, ``1 h 3 min``."""
    whole = round(time)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
