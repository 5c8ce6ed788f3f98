import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from folder_guest import FolderGuest

from tiny_cloud.guests.base import Edit, MakeFolder, Remove, Symlink, WriteFile
from tiny_cloud.host.guest_session import plain
from tiny_cloud.host.guest_worker import lines as worker
from tiny_cloud.host.guest_worker.edits import Edits
from tiny_cloud.host.guest_worker.session import Session
from tiny_cloud.host.guest_worker.tree import Refused


@pytest.fixture
def guest(tmp_path: Path) -> FolderGuest:
    root = tmp_path / "guest"
    (root / "etc").mkdir(parents=True)
    (root / "etc/shadow").write_bytes(b"old")
    (root / "etc/shadow").chmod(0o640)
    (tmp_path / "outside").write_bytes(b"outside")
    return FolderGuest(root)


def apply(guest: FolderGuest, *edits: Edit) -> int:
    return Edits(guest, [plain(edit) for edit in edits]).apply()


def names(guest: FolderGuest, folder: str = "/etc") -> list[str]:
    return sorted(os.listdir(guest.at(folder)))


def test_a_file_is_renamed_into_place_with_the_attributes_of_the_old_one(
    guest: FolderGuest,
) -> None:
    guest.owners["/etc/shadow"] = (0, 42)
    apply(guest, WriteFile("/etc/shadow", b"new"))
    assert guest.read_file("/etc/shadow") == b"new"
    facts = guest.lstat("/etc/shadow")
    assert (facts["st_mode"] & 0o7777, facts["st_uid"], facts["st_gid"]) == (0o640, 0, 42)
    assert guest.calls == ["write", "attributes /etc/shadow", "sync", "rename /etc/shadow"]
    assert names(guest) == ["shadow"]


def test_all_is_staged_before_anything_is_renamed(guest: FolderGuest) -> None:
    apply(guest, WriteFile("/etc/a", b"a", 0o600, 5, 6), WriteFile("/etc/b", b"b"))
    assert guest.calls == ["write", "write", "sync", "rename /etc/a", "rename /etc/b"]
    facts = guest.lstat("/etc/a")
    assert (facts["st_mode"] & 0o7777, facts["st_uid"], facts["st_gid"]) == (0o600, 5, 6)
    assert guest.lstat("/etc/b")["st_mode"] & 0o7777 == 0o644


def test_what_is_new_gets_its_label_and_what_was_there_keeps_its_own(guest: FolderGuest) -> None:
    apply(guest, MakeFolder("/etc/d", label="d_t"), WriteFile("/etc/d/new", b"", label="new_t"),
          Symlink("/etc/d/link", "new", label="link_t"),
          WriteFile("/etc/shadow", b"new", label="other_t"), MakeFolder("/etc", label="etc_t"))
    labelled = [call.split()[1] for call in guest.calls if call.startswith("label ")]
    assert labelled == ["d_t", "new_t", "link_t"]


@pytest.mark.parametrize("call", ["write", "sync"])
def test_a_full_disk_leaves_the_old_files_and_no_others(guest: FolderGuest, call: str) -> None:
    guest.fail_at = call
    with pytest.raises(RuntimeError):
        apply(guest, WriteFile("/etc/shadow", b"new"), WriteFile("/etc/b", b"b"))
    assert (guest.read_file("/etc/shadow"), names(guest)) == (b"old", ["shadow"])


def hard_link(root: Path) -> None:
    os.link(root / "etc/shadow", root / "etc/other")


def symlink(root: Path) -> None:
    (root / "etc/shadow").unlink()
    (root / "etc/shadow").symlink_to("../../outside")


def symlinked_folder(root: Path) -> None:
    (root / "etc").rename(root / "real")
    (root / "etc").symlink_to("/real")


def fifo(root: Path) -> None:
    (root / "etc/shadow").unlink()
    os.mkfifo(root / "etc/shadow")


def folder(root: Path) -> None:
    (root / "etc/shadow").unlink()
    (root / "etc/shadow").mkdir()


def oversize(root: Path) -> None:
    (root / "etc/shadow").write_bytes(b"x" * ((1 << 20) + 1))


@pytest.mark.parametrize(("spoil", "said"), [
    (hard_link, "2 hard links"),
    (symlink, "but a symlink"),
    (symlinked_folder, "/etc is no plain folder"),
    (fifo, "but a special file"),
    (folder, "but a folder"),
    (oversize, "larger than 1 MiB"),
])
def test_a_redirected_write_is_refused_and_nothing_is_written(
    guest: FolderGuest, spoil: Callable[[Path], None], said: str
) -> None:
    root = Path(guest.root)
    spoil(root)
    with pytest.raises(Refused, match=said):
        apply(guest, WriteFile("/first", b"x"), WriteFile("/etc/shadow", b"new"))
    assert not (root / "first").exists() and guest.calls == []
    assert (root.parent / "outside").read_bytes() == b"outside"


@pytest.mark.parametrize("path", ["etc/x", "/etc/../x", "//etc/x", "/etc/./x", "/etc/", "/a\0b"])
def test_a_path_that_is_none_is_refused(guest: FolderGuest, path: str) -> None:
    with pytest.raises(Refused, match="no plain absolute path"):
        apply(guest, WriteFile(path, b""))


def test_a_file_needs_its_folder_and_folders_can_be_made(guest: FolderGuest) -> None:
    with pytest.raises(Refused, match="there is no folder for it"):
        apply(guest, WriteFile("/home/koder/.profile", b""))
    apply(guest, MakeFolder("/home"), MakeFolder("/home/koder", 0o700, 1000, 1000),
          WriteFile("/home/koder/.profile", b"x", 0o644, 1000, 1000),
          Symlink("/home/koder/link", ".profile", 1000, 1000))
    assert guest.lstat("/home/koder")["st_mode"] & 0o7777 == 0o700
    assert guest.owners["/home/koder"] == (1000, 1000)
    assert guest.owners["/home/koder/link"] == (1000, 1000)
    assert guest.readlink("/home/koder/link") == ".profile"


def test_a_folder_of_ours_gets_mode_and_owner(guest: FolderGuest) -> None:
    apply(guest, MakeFolder("/etc", 0o700, 5, 6, ours=True))
    assert guest.lstat("/etc")["st_mode"] & 0o7777 == 0o700
    assert guest.owners["/etc"] == (5, 6)


def test_a_folder_that_is_there_stays_as_it_is(guest: FolderGuest) -> None:
    before = guest.lstat("/etc")
    apply(guest, MakeFolder("/etc", 0o700, 5, 5))
    assert guest.lstat("/etc") == before
    with pytest.raises(Refused, match="cannot be a folder: it is a file"):
        apply(guest, MakeFolder("/etc/shadow"))


def test_removing_takes_the_name_and_not_what_it_points_to(guest: FolderGuest) -> None:
    root = Path(guest.root)
    (root / "etc/link").symlink_to("shadow")
    apply(guest, Remove("/etc/link"), Remove("/etc/absent"), Remove("/absent/file"))
    assert names(guest) == ["shadow"]
    with pytest.raises(Refused, match="but a folder"):
        apply(guest, Remove("/etc"))


def test_leftovers_of_a_killed_run_are_swept(guest: FolderGuest) -> None:
    Path(guest.at("/etc/.tinycloudAbC123")).write_bytes(b"hashes")
    Path(guest.at("/etc/.tinycloud")).write_bytes(b"somebody's")
    apply(guest, WriteFile("/etc/hostname", b"web\n"))
    assert names(guest) == [".tinycloud", "hostname", "shadow"]


def test_looking_tells_what_is_there(guest: FolderGuest) -> None:
    root = Path(guest.root)
    (root / "etc/link").symlink_to("shadow")
    session = Session(lambda: guest)
    session.g = guest
    found = session.look(["/etc/*", "/etc/link/x", "/absent"])
    assert set(found) == {"/etc/shadow", "/etc/link", "/etc/link/x"}
    assert found["/etc/link"]["target"] == "shadow"
    assert found["/etc/link/x"] == {"kind": "redirected", "target": "/etc/link"}
    assert found["/etc/shadow"] == {"kind": "file", "mode": 0o640, "uid": 0, "gid": 0,
                                    "refused": "", "content": "b2xk"}


class Closing:
    """An appliance that only ends."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self.calls.append(name)


def serve(*lines: str) -> tuple[list[Any], list[str]]:
    appliance, results = Closing(), io.StringIO()
    session = Session(lambda: appliance)
    session.g = appliance
    worker.serve(io.StringIO("".join(f"{line}\n" for line in lines)), results, session)
    return [json.loads(line) for line in results.getvalue().splitlines()], appliance.calls


def test_the_end_of_stdin_shuts_the_appliance_down() -> None:
    assert serve() == ([], ["umount_all", "shutdown", "close"])


def test_shutting_down_twice_is_shutting_down_once() -> None:
    assert serve('{"op": "shutdown"}') == ([{"ok": None}], ["umount_all", "shutdown", "close"])


def test_only_operations_are_operations() -> None:
    told, _ = serve('{"op": "_mount", "device": "/dev/sda", "place": "/"}')
    assert told == [{"error": "'_mount' is no operation", "code": "refused"}]
