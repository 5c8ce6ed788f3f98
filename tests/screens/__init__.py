"""What is seen at a terminal, as files: ``tests/screens/NAME.txt``.

``pytest --regenerate`` writes them anew: read the difference.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

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
