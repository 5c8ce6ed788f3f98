"""The state before an edit of a guest, in real images: back after what fails, gone after what is
done, and one that a kill left over is in nobody's way."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tiny_cloud import luks
from tiny_cloud.errands.leftovers import BEFORE_EDIT as SNAPSHOT
from tiny_cloud.host import qemu_img
from tiny_cloud.host.before_edit import kept
from tiny_cloud.steps import EditGuest

pytestmark = pytest.mark.integration

KEY = "it opens the disk"


class Broken(Exception):
    """What happens within."""


def disk(folder: Path, key: str = "", form: str = "qcow2") -> EditGuest:
    path = folder / f"disk.{form}"
    if key:
        # So few rounds would not do for a user: each opening would take seconds here, too.
        options = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10"
        qemu_img.measured(("qemu-img", "create", "-q", "-f", form, *luks.KEY, "-o", options,
                           str(path), "1M"), key, ())
    else:
        qemu_img.create(str(path), form, 1 << 20)
    write(path, 1, key)
    return EditGuest("guest/web", str(path), form, {}, fresh=False)


def opened(path: Path, key: str) -> tuple[str, ...]:
    return (*luks.KEY, *luks.opened(str(path), "qcow2")) if key else (
        "-f", path.suffix[1:], str(path))


def write(path: Path, byte: int, key: str = "") -> None:
    subprocess.run(["qemu-io", "-c", f"write -q -P {byte} 0 64k", *opened(path, key)],
                   input=key.encode(), check=True)


def holds(path: Path, byte: int, key: str = "") -> bool:
    done = subprocess.run(["qemu-io", "-c", f"read -P {byte} 0 64k", *opened(path, key)],
                          input=key.encode(), capture_output=True, check=False)
    return b"Pattern verification failed" not in done.stdout


@pytest.mark.parametrize("key", ["", KEY])
def test_what_fails_is_taken_back(tmp_path: Path, key: str) -> None:
    step = disk(tmp_path, key)
    with pytest.raises(Broken), kept(step, key):
        write(Path(step.disk), 2, key)
        raise Broken
    assert holds(Path(step.disk), 1, key) and not holds(Path(step.disk), 2, key)
    assert qemu_img.info(step.disk, "qcow2").snapshots == ()


def test_what_is_done_stays(tmp_path: Path) -> None:
    step = disk(tmp_path)
    with kept(step, ""):
        write(Path(step.disk), 2)
        assert qemu_img.info(step.disk, "qcow2").snapshots == (SNAPSHOT,)
    assert holds(Path(step.disk), 2)
    assert qemu_img.info(step.disk, "qcow2").snapshots == ()


def test_what_a_kill_left_is_not_gone_back_to(tmp_path: Path) -> None:
    step = disk(tmp_path)
    subprocess.run(["qemu-img", "snapshot", "-c", SNAPSHOT, step.disk], check=True)
    write(Path(step.disk), 3)
    with pytest.raises(Broken), kept(step, ""):
        write(Path(step.disk), 4)
        raise Broken
    assert holds(Path(step.disk), 3)
    assert qemu_img.info(step.disk, "qcow2").snapshots == ()


def test_a_raw_disk_is_left_to_its_file_system(tmp_path: Path) -> None:
    step = disk(tmp_path, form="raw")
    with pytest.raises(Broken), kept(step, ""):
        write(Path(step.disk), 2)
        raise Broken
    assert holds(Path(step.disk), 2)
