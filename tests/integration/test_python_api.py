"""The Python API on real libvirt, as its page tells it: every block of docs/api.md is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from tests.integration.lab import Lab

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab.make("tctnshop")
    yield lab
    lab.clean()


def test_what_the_page_says_is_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block after the other, as a reader would; after it, what it prints."""
    monkeypatch.setenv("TINYCLOUD_STORAGE", str(lab.storage))
    monkeypatch.chdir(lab.folder)
    text = (ROOT / "docs/api.md").read_text().replace("shop", lab.name)
    names: dict[str, object] = {}
    said = ""
    for match in BLOCK.finditer(text):
        kind, block = match.groups()
        if kind == "text":
            assert said == block
            continue
        line = text.count("\n", 0, match.start(2))
        with redirect_stdout(StringIO()) as stream:
            exec(compile("\n" * line + block, "docs/api.md", "exec"), names)
        said = stream.getvalue()
    assert sorted(path.name for path in lab.storage.iterdir()) == ["journal.jsonl"]
