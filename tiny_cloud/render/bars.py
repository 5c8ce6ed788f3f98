"""Lines of what goes on, as wide as a window is: what matters least goes first where it is narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tiny_cloud.events import Amount
from tiny_cloud.render.meter import Meter, seconds
from tiny_cloud.render.tally import Tally
from tiny_cloud.sizes import about

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
TURNS = 8
"""Of the spinner's pictures a second."""
BAR = 24
"""Columns."""


class Row(Struct):
    """A change that goes on."""

    name: str
    since: float
    """When its stage began (seconds)."""
    stage: str = ""
    amount: Amount | None = None
    meter: Meter = field(default_factory=Meter)

    def note(self, stage: str, amount: Amount | None, now: float) -> None:
        if stage != self.stage:
            self.stage, self.since, self.meter = stage, now, Meter()
        self.amount = amount
        if amount is not None:
            self.meter.note(amount, now)

    def figures(self, now: float) -> dict[str, str]:
        """What there is to say in numbers; what matters least comes last."""
        if self.amount is None:
            return {"time": seconds(now - self.since)}
        done, total = self.amount
        left, speed = self.meter.left(now), self.meter.speed(now)
        found = {
            "share": f"{done / total:4.0%}" if total else "",
            "left": f"{seconds(left)} left" if left is not None else "",
            "bytes": f"{about(done)} of {about(total)}" if total else about(done),
            "speed": f"{about(round(speed))}/s" if speed else "",
            "bar": _bar(done / total) if total else "",
        }
        return {name: words for name, words in found.items() if words}


ORDER = ("bar", "share", "bytes", "speed", "left", "time")
"""On the line, from the left."""


def lines(
    rows: Sequence[Row], tally: Tally, now: float, started: float, *, width: int, height: int
) -> Iterator[Text]:
    """``height``: lines that there is room for, the sum of all among them."""
    spinner = SPINNER[int(now * TURNS) % len(SPINNER)]
    shown = rows if len(rows) < height else rows[:max(0, height - 2)]
    names = min(max((cell_len(row.name) for row in shown), default=0), width // 2)
    for row in shown:
        head = f"  {spinner} {set_cell_size(_short(row.name, names), names)}"
        yield Text(_fitted(head, row.stage, row.figures(now), width), no_wrap=True)
    if len(rows) > len(shown):
        yield Text(_cut(f"    and {len(rows) - len(shown)} more", width), style="dim")
    counts = (("done", tally.done), ("running", len(tally.running)),
              ("ready", len(tally.ready)), ("waiting", tally.waiting))
    words = ", ".join(f"{number} {word}" for word, number in counts if number or word == "done")
    text = f"  {tally.total} steps: {words}, {seconds(now - started)}"
    yield Text(_cut(text, width), style="dim")


def _fitted(head: str, stage: str, figures: dict[str, str], width: int) -> str:
    kept = dict(figures)
    while True:
        tail = "".join(f"  {kept[name]}" for name in ORDER if name in kept)
        room = width - cell_len(head) - cell_len(tail) - 2 - 1
        if cell_len(stage) <= room or not kept:
            break
        kept.popitem()
    return _cut(f"{head}  {_short(stage, room)}{tail}".rstrip(), width)


def _cut(text: str, width: int) -> str:
    """A terminal's last column is left alone: some go on to the next line there."""
    return set_cell_size(text, min(width - 1, cell_len(text)))


def _short(text: str, room: int) -> str:
    return text if cell_len(text) <= room else set_cell_size(text, max(0, room - 1)) + "…"


def _bar(share: float) -> str:
    full = round(share * BAR)
    return "━" * full + "─" * (BAR - full)
