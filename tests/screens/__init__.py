"""What is seen at a terminal, as files: ``tests/screens/NAME.txt``.

``pytest --regenerate`` writes them anew: read the difference.
"""

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pyte
import pytest
from rich.console import Console

HERE = Path(__file__).parent


def compare(
    request: pytest.FixtureRequest, name: str, text: str, hidden: Mapping[str, str] | None = None
) -> None:
    """``hidden``: patterns of what is another at each run (a folder, a time), and what stands for
    it."""
    for pattern, word in (hidden or {}).items():
        text = re.sub(pattern, word, text)
    file = HERE / f"{name}.txt"
    if request.config.getoption("--regenerate"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def seen(show: Callable[[Console], object], columns: int) -> str:
    """What a window of that width shows of what is printed in colour."""
    stream = io.StringIO()
    show(Console(file=stream, width=columns, force_terminal=True, color_system="standard",
                 soft_wrap=True, highlight=False, markup=False, emoji=False))
    screen = pyte.Screen(columns, 200)
    pyte.Stream(screen).feed(stream.getvalue().replace("\n", "\r\n"))
    return "\n".join(line.rstrip() for line in screen.display).rstrip("\n") + "\n"
