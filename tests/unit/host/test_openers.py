"""Who has a file open is asked of the kernel; here it is this very process."""

import fcntl
import os
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host import files, openers
from tiny_cloud.host.qemu_lock import NOBODY_WRITES, WRITES, _flock, require_unused, unwritten
from tiny_cloud.steps import Rename, Trash

US = f"(process {os.getpid()})"


def test_readers_writers_and_lockers_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert openers.openers(file) == () and openers.openers(tmp_path / "nothing") == ()
    with file.open("rb") as stream:
        (reader,) = openers.openers(file)
        assert (reader.pid, reader.writes, reader.locks) == (os.getpid(), False, False)
        assert openers.said(file) == "", "who only reads is in nobody's way"
        fcntl.flock(stream, fcntl.LOCK_SH)
        assert openers.openers(file)[0].locks and US in openers.said(file)
    with file.open("ab"):
        assert openers.openers(file)[0].writes and US in openers.said(file)
    os.link(file, tmp_path / "same")
    with file.open("ab"):
        assert US in openers.said(tmp_path / "same"), "it is the file that counts"


@pytest.mark.parametrize("byte", [WRITES, NOBODY_WRITES])
def test_an_image_that_any_qemu_has_open_is_not_moved(tmp_path: Path, byte: int) -> None:
    """As qemu locks it, to write or against writing."""
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(4096))
    require_unused(str(disk))
    with disk.open("rb") as stream:
        fcntl.fcntl(stream, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK, byte))
        for change in (lambda: require_unused(str(disk)),
                       lambda: files.rename(Rename(str(disk), str(tmp_path / "new.raw"))),
                       lambda: files.move_to_trash(Trash(str(disk), str(tmp_path / "t" / "x")))):
            with pytest.raises(Failure, match=r"disk\.raw is in use by \S+ \(process \d+\)"):
                change()
    assert [path.name for path in tmp_path.iterdir()] == ["disk.raw"]
    require_unused(str(disk))
    require_unused(str(tmp_path / "nothing"))


def test_what_we_read_nobody_writes_to_meanwhile(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(4096))
    with unwritten(str(disk)), pytest.raises(Failure, match="in use"):
        require_unused(str(disk))
    with disk.open("rb") as stream:
        fcntl.fcntl(stream, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK, WRITES))
        with pytest.raises(Failure, match=r"disk\.raw is in use by"), unwritten(str(disk)):
            raise AssertionError("it is written to")


def test_qemus_own_words_name_the_holder(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    words = ('qemu-img: Could not open \'x\': Failed to get "write" lock\n'
             f"Is another process using the image [{disk}]?")
    assert openers.told_by(words) == f"{disk} is in use by another process"
    disk.touch()
    with disk.open("ab"):
        assert US in openers.told_by(words)
    assert openers.told_by("qemu-img: no such file") == ""
