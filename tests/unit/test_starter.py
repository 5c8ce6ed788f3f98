"""``tinycloud init``: what it makes is right, and nothing that is there is touched."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import yaml

from tests.unit.conftest import Run
from tiny_cloud import starter
from tiny_cloud.starter import FILES, SECRET


def test_what_it_makes_is_valid_and_in_the_usual_form(run: Run) -> None:
    code, out, err = run("init")
    assert (code, err) == (0, "")
    assert {str(path) for path in Path().rglob("*") if path.is_file()} == set(FILES)
    assert all(path in out for path in FILES) and "tinycloud plan" in out
    assert run("validate")[1] == f"4 resources in cloud {starter.cloud_name(Path())}: valid.\n"
    assert run("fmt", "--check") == (0, "", "")
    assert run("pin", "--check")[0] == 0


def test_the_settings_of_other_programs_can_be_read(run: Run) -> None:
    run("init", "lab")
    for path in FILES:
        file = Path("lab", path)
        if file.suffix == ".json":
            json.loads(file.read_text())
        elif file.suffix in (".yml", ".yaml"):
            list(yaml.safe_load_all(file.read_text()))
    schema = json.loads(Path("lab/.vscode/settings.json").read_text())["yaml.schemas"]
    assert [Path("lab", path).is_file() for path in schema] == [True]


def test_a_password_is_made_that_nobody_else_may_read(run: Run) -> None:
    run("init")
    assert stat.S_IMODE(os.stat(SECRET).st_mode) == 0o600
    first = Path(SECRET).read_text()
    assert len(first) > 12
    run("init", "other")
    assert Path("other", SECRET).read_text() != first


def test_nothing_that_is_there_is_touched(run: Run) -> None:
    Path("README.md").write_text("mine")
    Path(".gitignore").symlink_to("nowhere")
    code, out, _ = run("init")
    assert code == 0 and Path("README.md").read_text() == "mine"
    assert Path(".gitignore").is_symlink() and not Path("nowhere").exists()
    assert "left as it was:\n  .gitignore\n  README.md\nNext" in out


def test_a_second_time_nothing_is_made(run: Run) -> None:
    run("init")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    code, out, _ = run("init")
    assert code == 0 and "Nothing was missing" in out
    assert before == {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_where_manifests_are_it_adds_none_of_its_own(run: Run) -> None:
    Path("manifests/hosts").mkdir(parents=True)
    Path("manifests/hosts/a.yml").write_text("")
    run("init")
    assert not Path("manifests/cloud.yaml").exists() and not Path(SECRET).exists()
    assert Path("manifests/secrets/.gitignore").exists() and Path(".gitlab-ci.yml").exists()


@pytest.mark.parametrize(("folder", "name"), [
    ("My Lab_2", "my-lab-2"), ("--", "homelab"), ("x" * 80, "x" * 63), ("a.b", "a-b"),
])
def test_the_cloud_is_called_after_the_folder(run: Run, folder: str, name: str) -> None:
    assert run("init", "--", folder)[0] == 0
    assert f"in cloud {name}: valid" in run("validate", f"./{folder}/manifests")[1]


def test_says_where_it_cannot_write(run: Run) -> None:
    Path("file").write_text("")
    code, _, err = run("init", "file")
    assert code == 1 and "file/manifests/cloud.yaml cannot be written" in err
    Path("lab/README.md").mkdir(parents=True)
    code, _, err = run("init", "lab")
    assert code == 1 and "something else is in its place" in err


def test_says_where_to_go_on(run: Run) -> None:
    assert "cd 'a b'" in run("init", "a b")[1]
    Path(".git").mkdir()
    out = run("init")[1]
    assert "git init" not in out and "cd" not in out.split("Next:")[1]
