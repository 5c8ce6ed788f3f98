"""The journal is the lock: one writes, the others leave in time and name the holder."""

import json
import os
import time
from pathlib import Path

import pytest

from tiny_cloud import journal
from tiny_cloud.errors import Failure
from tiny_cloud.model import Address, Event


def test_a_second_run_leaves_within_five_seconds_and_names_the_first(tmp_path: Path) -> None:
    with journal.locked(tmp_path, "tinycloud apply one"):
        started = time.monotonic()
        with (
            pytest.raises(Failure, match=f"tinycloud apply one .process {os.getpid()} of"),
            journal.locked(tmp_path, "tinycloud apply two"),
        ):
            pass
        assert time.monotonic() - started < 5
    with journal.locked(tmp_path, "tinycloud apply three"):
        pass


def test_events_are_kept_and_progress_is_not(tmp_path: Path) -> None:
    with journal.locked(tmp_path, "tinycloud apply") as book:
        book.event(Event("progress", Address("disk", "x"), "up", "half", fraction=0.5))
        book.event(Event("failed", Address("disk", "x"), "up", "no space"))
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines] == ["begin", "failed", "end"]
    assert lines[1]["address"] == "disk/x" and lines[1]["text"] == "no space"
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_line_cut_short_by_a_kill_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"what": "begin", "comm')
    with (
        journal.locked(tmp_path, "tinycloud apply one"),
        pytest.raises(Failure, match="another run holds"),
        journal.locked(tmp_path, "tinycloud apply two"),
    ):
        pass
