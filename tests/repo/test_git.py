"""What ``init`` makes, in a real git repository, and the hooks under a real pre-commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MESSY = "kind: Disk\napiVersion: tinycloud/v1\nmetadata: {name: data}\nspec: {size: 1GiB}\n"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "koder")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "koder@example.org")
    run(tmp_path, "tinycloud", "init", "lab")
    run(tmp_path / "lab", "git", "init", "--quiet")
    return tmp_path / "lab"


def run(folder: Path, *argv: str, code: int = 0) -> str:
    done = subprocess.run(argv, cwd=folder, check=False, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def test_git_takes_everything_but_secrets(repo: Path) -> None:
    (repo / "more" / "secrets").mkdir(parents=True)
    (repo / "more" / "secrets" / "key.txt").write_text("x")
    run(repo, "git", "add", "--all")
    taken = run(repo, "git", "ls-files").split()
    assert "manifests/web.yaml" in taken and "manifests/secrets/.gitignore" in taken
    assert not [path for path in taken if path.endswith(".txt")]


def hooked(repo: Path) -> None:
    """The first commit passes; then a file is messy, later one is wrong."""
    run(repo, "git", "add", "--all")
    run(repo, "pre-commit", "run")
    (repo / "manifests" / "disk.yaml").write_text(MESSY)
    run(repo, "git", "add", "--all")
    assert "files were modified by this hook" in run(repo, "pre-commit", "run", code=1)
    assert (repo / "manifests" / "disk.yaml").read_text().startswith("apiVersion")
    run(repo, "git", "add", "--all")
    run(repo, "pre-commit", "run")
    (repo / "manifests" / "disk.yaml").write_text(MESSY.replace("size", "sise"))
    run(repo, "git", "add", "--all")
    run(repo, "pre-commit", "run", code=1)
    run(repo, "git", "add", "--all")
    said = run(repo, "pre-commit", "run", code=1)
    assert "manifests/disk.yaml:4:8: there is no field sise" in said


def test_the_hooks_that_init_sets_up(repo: Path) -> None:
    hooked(repo)


def test_the_hooks_that_this_project_has_for_others(repo: Path, tmp_path: Path) -> None:
    """With the program that is here: to install it anew is pre-commit's own business."""
    ours = tmp_path / "ours"
    ours.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", ours)
    run(ours, "pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    run(ours, "git", "init", "--quiet")
    run(ours, "git", "add", "--all")
    run(ours, "git", "commit", "--quiet", "--message", "hooks")
    revision = run(ours, "git", "rev-parse", "HEAD").strip()
    (repo / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {ours}\n    rev: {revision}\n    hooks:\n"
        "      - {id: tinycloud-fmt, language: system}\n"
        "      - {id: tinycloud-validate, language: system}\n")
    hooked(repo)
