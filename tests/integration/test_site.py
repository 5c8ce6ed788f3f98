"""The documents build as a site, and a link that leads nowhere fails it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

INDEX = Path("index.html")


@pytest.fixture(scope="module")
def site() -> Path:
    """Built by the one command."""
    done = subprocess.run(["make", "--assume-old=setup", "site"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "site"


def test_it_has_every_page(site: Path) -> None:
    docs = ROOT / "docs"
    pages = {path.relative_to(docs).with_suffix("") for path in docs.rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob(INDEX.name)}
    assert built == {INDEX if page == Path("index") else page / INDEX for page in pages}


def test_it_is_read_without_asking_other_servers(site: Path) -> None:
    assert "fonts.googleapis" not in (site / INDEX).read_text()


def test_a_link_that_leads_nowhere_is_an_error(site: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "index.md").open("a") as page:
        page.write("\n[a page](nowhere.md), [a heading](tutorial.md#nothing)\n")
    done = subprocess.run([ROOT / ".venv/site/bin/zensical", "build", "--strict"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "page does not exist" in said and "anchor does not exist" in said, said
