"""Man pages: read by the strictest reader there is, and in the wheel where man(1) finds them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tiny_cloud import cli

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
ROOT = Path(__file__).parents[2]
NAMES = {"tinycloud", *(f"tinycloud-{verb}" for verb in cli.VERBS)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, ROOT / "scripts" / "man_pages.py", folder], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def shown(page: Path) -> str:
    """By man(1) itself, which has nothing to say of the page."""
    done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True,
                          check=True, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C"})
    assert done.stderr == ""
    return " ".join(done.stdout.split())


def test_there_is_one_a_verb_and_none_is_complained_of(pages: Path) -> None:
    assert {page.stem for page in pages.iterdir()} == NAMES
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *sorted(pages.iterdir())],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_in_them(pages: Path) -> None:
    plan = shown(pages / "tinycloud-plan.1")
    for words in ("tinycloud-plan - say what would change; changes nothing",
                  "tinycloud plan [OPTIONS] [PATH]...", "--detailed-exitcode",
                  "tinycloud plan --restart vm/web", "tinycloud(1)", "-h, --help"):
        assert words in plan
    snapshot = shown(pages / "tinycloud-snapshot.1")
    assert "snapshot create [OPTIONS] MACHINE [NAME]" in snapshot and "--no-freeze" in snapshot
    assert "tinycloud-apply(1)" in shown(pages / "tinycloud.1")


def test_the_wheel_has_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
                   cwd=ROOT, check=True, capture_output=True)
    wheel, = tmp_path.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    there = {Path(name).stem for name in inside if "/data/share/man/man1/" in name}
    assert there == NAMES
