"""A terminal or a file that is not UTF-8 breaks nothing."""

import io

from rich.console import Console

from tests.screens.test_plan import changed
from tests.unit.cloud import fake_host
from tiny_cloud.events import Event
from tiny_cloud.model import Address, Plan
from tiny_cloud.render import plain, text
from tiny_cloud.render.live import Live


def test_signs_are_spelled_in_letters_that_it_has() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    plain.allow(stream)
    console = Console(file=stream, width=100, soft_wrap=True)
    text.show_plan(console, changed())
    live = Live(console, Plan(fake_host().cloud, (), (), ()), now=lambda: "12:00:00")
    live.show(Event("failed", Address("disk", "a"), "up", "dätä", "make room"))
    stream.flush()
    said = raw.getvalue().decode("ascii")
    assert "size: 4GiB -> 8GiB" in said and "+/- disk/web-data" in said
    assert "12:00:00 FAILED disk/a: d\\u00e4t\\u00e4" in said and "-> make room" in said
