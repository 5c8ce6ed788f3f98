"""The journal, told as runs."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.unit.cloud import IMAGE, fake_host, plan_for
from tests.unit.conftest import Run
from tests.unit.looking import MACHINE, NET, OTHER, declare, schema
from tiny_cloud import journal
from tiny_cloud.apply import apply


@pytest.fixture
def storage(run: Run) -> Path:
    """Of a cloud in which something was made, changed, and failed."""
    declare(IMAGE, NET, MACHINE)
    made, place = fake_host(), Path("s").absolute()
    for command, documents in (("tinycloud apply \x1b[2J", (IMAGE, NET, MACHINE)),
                               ("tinycloud apply", (IMAGE, NET, MACHINE, OTHER))):
        with journal.locked(place, command) as book:
            for event in apply(plan_for(made, *documents), made, parallel=1):
                book.event(event)
        made.fails = lambda step: type(step).__name__ == "Define"
    return place


def test_who_did_what(run: Run, storage: Path) -> None:
    code, out, err = run("history", "--storage", str(storage))
    lines = out.splitlines()
    assert (code, err) == (0, "") and "\x1b" not in out
    assert "  tinycloud apply \\u001b[2J  by " in lines[0] and lines[0].endswith(" s")
    assert lines[1:6] == ["  ✓ image/debian: made", "  ✓ network/lab", "  ✓ disk/web-root: made",
                          "  ✓ guest/web", "  ✓ virtualmachine/web"]
    assert "  ✘ virtualmachine/db: Define was made to fail" in lines
    one = run("history", "--storage", str(storage), "disk/db-root", "--commands")[1]
    assert one.count("tinycloud apply") == 1 and "      $ qemu-img create -f qcow2" in one
    code, out, err = run("history", "--storage", str(storage), "--limit", "1")
    assert "debian: made" not in out and err == "Not shown: 1 earlier (--limit 0: all).\n"


def test_history_has_the_form_of_its_schema(run: Run, storage: Path) -> None:
    found = json.loads(run("history", "--storage", str(storage), "-o", "json")[1])
    jsonschema.validate(found, schema("history"))
    assert [one["result"] for one in found["runs"]] == ["done", "failed"]
    failed = [change for change in found["runs"][1]["changes"] if change["result"] == "failed"]
    assert {change["address"]: change["text"] for change in failed}[
        "virtualmachine/db"] == "Define was made to fail"


def test_history_of_nothing_of_what_was_killed_and_of_what_goes_on(
    run: Run, storage: Path
) -> None:
    assert run("history", "--storage", "/nowhere")[2] == "Nothing has been done here yet.\n"
    words = ("history", "--storage", str(storage))
    assert run(*words, "vm/none")[2] == "Nothing has been done to virtualmachine/none yet.\n"
    file = storage / "journal.jsonl"
    with file.open("a") as stream:
        stream.write('{"time": "soon", "what": "begin", "command": "tinycloud gc", "user": "ann"}\n'
                     '{"what": "started", "address": "disk/a", "phase": "up"}\n{"what": "sta')
    assert run(*words)[1].splitlines()[-2:] == [
        "soon  tinycloud gc  by ann  cut off", "  … disk/a: not finished"]
    with journal.locked(storage, "tinycloud apply"):
        assert run(*words)[1].splitlines()[-1].endswith("at work")
    file.unlink()
    file.mkdir()
    code, _, err = run(*words)
    assert code == 1 and "journal.jsonl cannot be read: Is a directory" in err
    assert "run as the user who applied" in err
