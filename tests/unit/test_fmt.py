"""tinycloud fmt: which files it writes, and how."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.unit.conftest import Run
from tiny_cloud import editing

MESSY = "kind: Disk\napiVersion: tinycloud/v1\nmetadata: {name: a}\nspec:\n    size: 1GiB\n"
NEAT = "apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: a}\nspec:\n  size: 1GiB\n"


@pytest.fixture
def files(run: Run) -> Run:
    Path("manifests/below").mkdir(parents=True)
    Path("manifests/a.yaml").write_text(MESSY)
    Path("manifests/below/b.yml").write_text(MESSY)
    Path("manifests/c.yaml").write_text(NEAT)
    return run


def test_writes_what_is_in_another_form_and_names_it(files: Run) -> None:
    assert files("fmt") == (0, "manifests/a.yaml\nmanifests/below/b.yml\n", "")
    assert Path("manifests/a.yaml").read_text() == NEAT
    assert files("fmt") == (0, "", "")


def test_check_names_them_alone(files: Run) -> None:
    assert files("fmt", "--check") == (1, "manifests/a.yaml\nmanifests/below/b.yml\n", "")
    assert files("fmt", "--check", "manifests/c.yaml") == (0, "", "")
    assert Path("manifests/a.yaml").read_text() == MESSY


def test_paths_are_files_folders_and_patterns(files: Run) -> None:
    assert files("fmt", "--check", "manifests/*.yaml", "manifests/below")[1] == (
        "manifests/a.yaml\nmanifests/below/b.yml\n")


def test_stdin_goes_to_stdout(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(MESSY))
    assert run("fmt", "-") == (0, NEAT, "")
    monkeypatch.setattr(sys, "stdin", io.StringIO(MESSY))
    assert run("fmt", "--check", "-") == (1, "<stdin>\n", "")


def test_mode_and_links_stay(files: Run) -> None:
    os.chmod("manifests/a.yaml", 0o640)
    Path("manifests/below/b.yml").unlink()
    Path("manifests/below/b.yml").symlink_to("../a.yaml")
    files("fmt", "manifests/below/b.yml")
    assert Path("manifests/below/b.yml").is_symlink()
    assert Path("manifests/a.yaml").read_text() == NEAT
    assert stat.S_IMODE(os.stat("manifests/a.yaml").st_mode) == 0o640
    assert sorted(os.listdir("manifests")) == ["a.yaml", "below", "c.yaml"]


def test_of_several_files_none_is_written_if_one_is_no_yaml(files: Run) -> None:
    Path("manifests/z.yaml").write_text("a: b: c")
    code, out, err = files("fmt")
    assert (code, out) == (1, "") and "manifests/z.yaml:1:5: this is not YAML" in err
    assert Path("manifests/a.yaml").read_text() == MESSY
    assert "there is no file or folder none" in files("fmt", "none")[2]


def test_what_is_wrong_as_a_manifest_has_a_form_all_the_same(run: Run) -> None:
    Path("a.yaml").write_text("kind: Dsk\nspec:\n    - 1\napiVersion: 7\n")
    assert run("fmt", "a.yaml")[0] == 0
    assert Path("a.yaml").read_text() == "apiVersion: 7\nkind: Dsk\nspec:\n  - 1\n"


def test_a_form_that_would_mean_something_else_is_not_written(
    files: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "formatted", lambda text: text.replace("1GiB", "2GiB"))
    code, _, err = files("fmt")
    assert code == 1 and "would not mean the same" in err
    assert Path("manifests/a.yaml").read_text() == MESSY


def test_a_file_that_cannot_be_written_stays(
    files: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(part: str, final: str) -> None:
        raise PermissionError(13, "Permission denied", part)

    monkeypatch.setattr(editing, "take_place", refuse)
    code, _, err = files("fmt")
    assert code == 1 and "manifests/a.yaml cannot be written: Permission denied" in err
    assert sorted(os.listdir("manifests")) == ["a.yaml", "below", "c.yaml"]
    assert Path("manifests/a.yaml").read_text() == MESSY
