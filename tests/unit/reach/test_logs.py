"""tinycloud logs: which files, how much of them, and nothing for terminals among it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake.host import FakeHost
from tests.fake.libvirt import FakeLibvirt
from tests.unit.conftest import Run
from tiny_cloud.host import logs
from tiny_cloud.render.transcript import Reel, plain


@pytest.mark.parametrize(("line", "text"), [
    (b"[\x1b[0;32m  OK  \x1b[0m] Started \x1b[1mcron\x1b[0m\r", "[  OK  ] Started cron"),
    (b"\x1b]0;root@web\x07root@web:~# ", "root@web:~# "),
    (b"\x1bc\x1b[?7l\x1b[2J\x1b(BGNU GRUB", "GNU GRUB"),
    (b"a\tb", "a       b"),
    (b"\x07bell \xff \xe2\x80\xae", "\\u0007bell \ufffd \\u202e"),
    (b"\x1b[31", "\\u001b[31"),
])
def test_a_line_is_what_a_person_reads(line: bytes, text: str) -> None:
    assert plain(line) == text


@given(st.binary())
def test_no_control_character_goes_through(line: bytes) -> None:
    assert all(c.isprintable() or c == "\n" for c in plain(line))


def test_lines_that_come_in_pieces_are_whole() -> None:
    reel = Reel(headed=True)
    assert reel.add("a", b"one\x1b[0") == ""
    assert reel.add("a", b"m\ntw") == "==> a <==\none\n"
    assert reel.add("b", b"three\n") == "\n==> b <==\nthree\n"
    assert reel.rest() == "\n==> a <==\ntw"
    assert reel.rest() == ""
    assert reel.add("a", b"o\n") == "o\n"
    assert Reel(headed=False).add("a", b"one\n") == "one\n"


@pytest.mark.parametrize(("count", "text"), [
    (None, "1\n2\n3\nrest"), (0, ""), (1, "rest"), (2, "3\nrest"), (9, "1\n2\n3\nrest")])
@pytest.mark.parametrize("block", [1, 3, 4096])
def test_the_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int | None,
                        text: str, block: int) -> None:
    monkeypatch.setattr(logs, "BLOCK", block)
    (tmp_path / "log").write_text("1\n2\n3\nrest")
    with io.FileIO(tmp_path / "log") as stream:
        assert logs.last_lines(stream, count).decode() == text
        assert stream.read() == b"", "it is at its end"


def test_files_that_grow_are_rotated_and_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "POLL", 0)
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b""), other.write_bytes(b"")
    with logs.opened([str(one), str(other)]) as (streams, _):
        _followed(logs.followed(streams), one, other)


def _followed(added: Iterator[tuple[str, bytes]], one: Path, other: Path) -> None:
    assert next(added) == ("", b"")
    append(one, b"1")
    assert next(added) == (str(one), b"1") and next(added) == ("", b"")
    append(one, b"2")
    os.rename(one, one.with_suffix(".0"))
    assert next(added) == (str(one), b"2") and next(added) == ("", b""), "between two files"
    one.write_bytes(b"3")
    other.write_bytes(b"o")
    assert next(added) == (str(other), b"o")
    assert next(added) == (str(one), b"3") and next(added) == ("", b"")
    one.write_bytes(b"")
    assert next(added) == ("", b"")
    one.write_bytes(b"4")
    assert next(added) == (str(one), b"4")


def append(path: Path, added: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(added)


def test_where_libvirt_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert logs.of_qemu("qemu:///system", "web") == "/var/log/libvirt/qemu/web.log"
    assert logs.of_qemu("qemu:///session", "w") == "/home/ann/.cache/libvirt/qemu/log/w.log"
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert logs.of_qemu("qemu+unix:///session?socket=/x", "w") == "/c/libvirt/qemu/log/w.log"


@pytest.fixture
def kept(host: FakeHost, connection: FakeLibvirt, tmp_path: Path,
         monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """What web has left: of its console, and of its qemu."""
    console, qemu = tmp_path / "storage/consoles/web.log", tmp_path / "lab-web.log"
    console.parent.mkdir()
    console.write_text("booting\nweb login: ")
    qemu.write_text("starting up\n")
    monkeypatch.setattr(logs, "of_qemu", lambda uri, domain: str(tmp_path / f"{domain}.log"))
    return console, qemu


def test_both_each_under_its_name(run: Run, kept: tuple[Path, Path]) -> None:
    console, qemu = kept
    assert run("logs", "web") == (
        0, f"==> {console} <==\nbooting\nweb login: \n==> {qemu} <==\nstarting up\n", "")
    assert run("logs", "vm/web", "--console", "--tail", "1")[1] == "web login: "
    assert run("logs", "web", "--qemu", "--tail", "all")[1] == "starting up\n"


def test_following_ends_with_ctrl_c(
    run: Run, kept: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def followed(streams: object) -> object:
        yield str(kept[1]), b"more\n"
        raise KeyboardInterrupt

    monkeypatch.setattr(logs, "followed", followed)
    assert run("logs", "web", "-f", "--qemu", "--file", "manifests") == (
        0, "starting up\nmore\n", "")


def test_rights_that_are_missing_are_said(
    run: Run, kept: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> io.FileIO:
        if path == str(kept[1]):
            raise PermissionError(13, "Permission denied", path)
        return io.FileIO(path)

    monkeypatch.setattr(logs, "FileIO", refuse)
    code, out, err = run("logs", "web")
    assert code == 1 and "web login: " in out, "the other one is shown"
    assert f"{kept[1]} cannot be read: Permission denied (run as root)" in err
    code, out, err = run("logs", "web", "--qemu")
    assert (code, out) == (1, "") and "Permission denied\n    run as root" in err


def test_one_that_never_ran(run: Run, kept: tuple[Path, Path]) -> None:
    code, _, err = run("logs", "db")
    assert code == 1 and "consoles/db.log yet\n    the machine makes it when it starts" in err


def test_what_is_no_log(run: Run, kept: tuple[Path, Path]) -> None:
    kept[0].unlink()
    kept[0].mkdir()
    code, _, err = run("logs", "web", "--console")
    assert code == 1 and "cannot be read: Is a directory\n    see what it is" in err


def test_a_console_of_which_nothing_is_kept(
    run: Run, kept: tuple[Path, Path], host: FakeHost, tmp_path: Path
) -> None:
    file = tmp_path / "manifests/all.yaml"
    file.write_text(file.read_text().replace("running: false", "consoleLog: false"))
    code, _, err = run("apply", "--yes", "--parallel", "1")
    assert code == 0, err
    code, _, err = run("logs", "db", "--console")
    assert code == 1 and "keeps no log of its console" in err and "consoleLog: true" in err


def test_a_number_of_lines(run: Run) -> None:
    code, _, err = run("logs", "web", "--tail", "-3")
    assert code == 64 and "neither a number of lines nor all" in err
