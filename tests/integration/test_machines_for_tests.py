"""Debian in throw-away machines: what docs/pytest.md shows, and the example of ten machines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.lab import PLACE, end_all

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
TEN, PREFIX = "tctnten", "tctnpage"
NUMBER = 2


def blocks() -> dict[str, str]:
    """The files that the page shows, by name."""
    parts = (ROOT / "docs/pytest.md").read_text().split("```python title=")[1:]
    return dict(part.split("```")[0].split("\n", 1) for part in parts)  # type: ignore[misc]


DEBIAN = "test_web.py"
"""The one whose machine boots a Debian."""


def test_the_page(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\ntinycloud_name = {PREFIX}\n")
    for name, text in blocks().items():
        if name != DEBIAN:
            (pytester.path / name).write_text(text)
    try:
        pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=3)
    finally:
        left = ended(PREFIX)
    assert left == []


@pytest.mark.long
def test_debian_in_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, debian: Path
) -> None:
    """Side by side, for guests mostly wait."""
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", f"{Path.home()}/.cache"))
    example = subprocess.Popen(
        [sys.executable, ROOT / "examples/ten_machines.py", debian, "hostname; cat /etc/hostname",
         str(NUMBER), TEN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        pytester.makeini(f"[pytest]\ntinycloud_name = {PREFIX}\n")
        (pytester.path / "debian-12.qcow2").symlink_to(debian)
        (pytester.path / DEBIAN).write_text(blocks()[DEBIAN])
        pytester.runpytest_subprocess().assert_outcomes(passed=1)
        said, complaints = example.communicate()
    finally:
        example.kill()
        left = ended(TEN) + ended(PREFIX)
    assert (said, complaints) == ("".join(
        f"node{number}: node{number}\nnode{number}\n" for number in range(1, NUMBER + 1)), "")
    assert left == []


def ended(prefix: str) -> list[str]:
    """What was left of the clouds of that name."""
    left = [path.name for path in PLACE.glob(f"{prefix}-*")]
    end_all(prefix)
    return left
