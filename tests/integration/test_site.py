"""The documents build as a site, and a link that leads nowhere fails it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_one_command_builds_it() -> None:
    done = subprocess.run(["make", "--assume-old=setup", "site"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(ROOT / "site") for path in (ROOT / "site").rglob("index.html")}
    assert {page.with_suffix("") / "index.html" if page.stem != "index" else Path("index.html")
            for page in pages} == built
    # Read without asking anybody else's server.
    assert "fonts.googleapis" not in (ROOT / "site" / "index.html").read_text()


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "index.md").open("a") as page:
        page.write("\n[a page](nowhere.md), [a heading](tutorial.md#nothing)\n")
    done = subprocess.run([Path(sys.executable).with_name("zensical"), "build", "--strict"],
                          cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "page does not exist" in said and "anchor does not exist" in said, said
