"""The journal is the lock: one writes, the others leave in time and name the holder."""

import fcntl
import getpass
import json
import os
import re
import threading
import time
from pathlib import Path
from typing import IO

import pytest

from tiny_cloud import journal
from tiny_cloud.errors import Failure
from tiny_cloud.events import Amount, Event
from tiny_cloud.model import Address


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
        book.event(Event("progress", Address("disk", "x"), "up", "half", amount=Amount(1, 2)))
        book.event(Event("failed", Address("disk", "x"), "up", "no space"))
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines] == ["begin", "failed", "end"]
    assert lines[1]["address"] == "disk/x" and lines[1]["text"] == "no space"
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_line_cut_short_by_a_kill_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"what": "begin", "comm')
    with (
        journal.locked(tmp_path, "tinycloud apply one"),
        pytest.raises(Failure, match=r"another run holds .*: tinycloud apply one "),
        journal.locked(tmp_path, "tinycloud apply two", 0),
    ):
        pass


def enter(storage: Path, patience: float = 0) -> None:
    with journal.locked(storage, "tinycloud apply", patience):
        pass


def test_what_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "journal.jsonl").mkdir(parents=True)
    for storage in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "folder"):
        with pytest.raises(Failure, match="cannot be written: ") as error:
            enter(storage)
        assert str(storage) in error.value.summary
        assert error.value.hint == "run as root, or give --storage"


@pytest.mark.parametrize("error", [KeyError("uid not found: 1"), OSError("no username")])
def test_a_user_without_a_name_is_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    enter(tmp_path)
    first = json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])
    assert first["user"] == str(os.getuid())


@pytest.mark.parametrize("line", [b"\xff\xfe", b"5", b'{"what": "begin"}', b"[" * 100_000])
def test_whatever_is_in_the_journal_does_no_harm(
    tmp_path: Path, line: bytes
) -> None:
    with journal.locked(tmp_path, "tinycloud apply"):
        with (tmp_path / "journal.jsonl").open("ab") as stream:
            stream.write(line + b"\n")
        with pytest.raises(Failure, match="another run holds"):
            enter(tmp_path)


def test_a_journal_that_was_removed_while_we_waited_is_not_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    entered = threading.Event()

    def second() -> None:
        with journal.locked(tmp_path, "two"):
            entered.set()

    waiting = threading.Thread(target=second)
    with journal.locked(tmp_path, "one"):
        waiting.start()
        time.sleep(0.15)
        path.unlink()
    waiting.join(timeout=10)
    assert entered.is_set()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("command") for line in lines] == ["two", None]


def test_a_journal_that_is_replaced_between_open_and_lock_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    real = fcntl.flock
    calls: list[int] = []

    def flock(file: IO[str], how: int) -> None:
        if not calls:
            path.rename(tmp_path / "journal.1")
            path.touch()
        calls.append(how)
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    enter(tmp_path, patience=1)
    assert len(calls) == 2
    assert path.read_text() and not (tmp_path / "journal.1").read_text()


def test_a_full_disk_costs_the_history_and_not_the_work(tmp_path: Path) -> None:
    """/dev/full is one."""
    with (tmp_path / "journal.jsonl").open("ab", buffering=0) as file:
        book = journal.Journal(file)
        with open("/dev/full", "ab", buffering=0) as full:
            os.dup2(full.fileno(), file.fileno())
        book.event(Event("done", Address("disk", "x"), "up"))


def test_no_run_begins_whose_name_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").symlink_to("/dev/full")
    with pytest.raises(Failure, match=r"journal\.jsonl cannot be written: No space left"):
        enter(tmp_path)


def test_who_was_killed_and_whose_child_works_on(tmp_path: Path) -> None:
    """The lock is its child's, and that is named."""
    assert journal.holder(tmp_path) == ""
    enter(tmp_path)
    last = journal.last_run(tmp_path)
    assert journal.holder(tmp_path) == "" and last is not None and last.ended
    with journal.locked(tmp_path, "tinycloud apply") as book:
        assert journal.holder(tmp_path).startswith(f"tinycloud apply (process {os.getpid()} of ")
        # As if an earlier one had been killed and we were its child.
        book.write(what="begin", command="tinycloud destroy", pid=0, user="root")
        told = journal.holder(tmp_path)
    assert re.fullmatch(r"tinycloud destroy \(process 0 of root, since \S+\), which was killed; "
                        rf"still at work: \S+ \(process {os.getpid()}\)", told)
    last = journal.last_run(tmp_path)
    assert last is not None and not last.ended, "nobody has said that this one ended"
