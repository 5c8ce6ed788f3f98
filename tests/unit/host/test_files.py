"""Stamps, publishing and the trash, on a real file system."""

import errno
import itertools
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.facts import FileFacts
from tiny_cloud.host import files, trash
from tiny_cloud.model import Cloud, Unknown
from tiny_cloud.steps import MakeFolder, Publish, Rename, Stamp, Trash


def stamped(folder: Path, *, immutable: bool = False) -> Path:
    """A file made the way a disk is: part, stamp, publish."""
    part, final = folder / "disk.part", folder / "disk"
    part.write_bytes(b"content")
    extra = {"guest": "guest/x"}
    files.write_stamp(Stamp(str(part), str(final), "lab", "disk/x", extra, immutable))
    files.publish(Publish(str(part), str(final), 0o600))
    return final


def facts(path: Path) -> FileFacts:
    found = files.facts([str(path)])[str(path)]
    assert isinstance(found, FileFacts)
    return found


def test_a_stamp_survives_publishing_and_is_genuine(tmp_path: Path) -> None:
    final = stamped(tmp_path)
    seen = facts(final)
    assert seen.genuine and seen.intact
    assert seen.stamp is not None
    assert (seen.stamp["cloud"], seen.stamp["address"], seen.stamp["guest"]) == (
        "lab", "disk/x", "guest/x"
    )  # fmt: skip
    assert stat.S_IMODE(final.stat().st_mode) == 0o600
    assert not (tmp_path / "disk.part").exists()


def test_a_copy_with_its_attributes_is_not_genuine(tmp_path: Path) -> None:
    final = stamped(tmp_path)
    copy = tmp_path / "copy"
    shutil.copy2(final, copy)
    os.setxattr(copy, files.ATTRIBUTE, os.getxattr(final, files.ATTRIBUTE))
    seen = facts(copy)
    assert seen.stamp is not None and not seen.genuine
    final.unlink()
    copy.rename(final)  # back under the old name it is still another file
    assert not facts(final).genuine


def test_an_immutable_file_that_was_changed_is_not_intact(tmp_path: Path) -> None:
    final = stamped(tmp_path, immutable=True)
    assert facts(final).intact
    with final.open("r+b") as stream:
        stream.write(b"C")
    os.utime(final, ns=(0, 12345))
    assert not facts(final).intact
    final.write_bytes(b"content")
    assert facts(final).intact, "another time and the same bytes are no change"
    final.write_bytes(b"contents")
    assert not facts(final).intact


def test_publishing_never_replaces_a_file(tmp_path: Path) -> None:
    part, final = tmp_path / "a.part", tmp_path / "a"
    part.write_text("new")
    final.write_text("somebody's")
    with pytest.raises(Failure, match="exists already and is not overwritten"):
        files.publish(Publish(str(part), str(final), 0o600))
    assert final.read_text() == "somebody's" and part.read_text() == "new"


def test_trash_keeps_the_content(tmp_path: Path) -> None:
    final = stamped(tmp_path)
    there = tmp_path / "trash" / "disk.1"
    files.move_to_trash(Trash(str(final), str(there)))
    assert there.read_bytes() == b"content" and not final.exists()
    files.move_to_trash(Trash(str(final), str(there)))  # again, as after a kill
    assert there.read_bytes() == b"content"


def test_what_is_no_regular_file_is_unknown(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    for path in (link, tmp_path / "fifo", tmp_path):
        assert isinstance(files.facts([str(path)])[str(path)], Unknown)


def test_absent_files_have_no_entry(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert files.facts([str(tmp_path / "nothing")]) == {}
    found = files.facts([str(tmp_path / "file" / "below")])
    assert isinstance(found[str(tmp_path / "file" / "below")], Unknown)


def test_folders_are_made_with_their_mode_and_left_alone_when_there(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    files.make_folder(MakeFolder(str(folder), 0o711))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    folder.chmod(0o700)
    files.make_folder(MakeFolder(str(folder), 0o711))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_the_system_refuses_to_look_at_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "loop" / "below", tmp_path / ("x" * 300)):
        found = files.facts([str(path)])[str(path)]
        assert isinstance(found, Unknown) and str(path) in found.reason


def test_a_stamp_that_is_not_text_is_somebody_elses(tmp_path: Path) -> None:
    final = stamped(tmp_path)
    os.setxattr(final, files.ATTRIBUTE, b"\xff\xfe")
    assert facts(final).stamp == {} and not facts(final).genuine


def test_a_listing_has_what_takes_a_name(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    assert files.listing(str(tmp_path)) == (str(tmp_path / "file"), str(tmp_path / "loop"))
    assert files.listing(str(tmp_path / "nothing")) == ()
    with pytest.raises(Failure, match="file cannot be listed: Not a directory"):
        files.listing(str(tmp_path / "file"))


def test_a_file_stays_when_the_trash_folder_goes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final, there = stamped(tmp_path), tmp_path / "trash" / "disk.1"
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    with pytest.raises(Failure, match="trash is gone"):
        files.move_to_trash(Trash(str(final), str(there)))
    assert final.read_bytes() == b"content"


def test_the_trash_is_emptied_whatever_is_in_it(tmp_path: Path) -> None:
    cloud = Cloud("lab", "test:///default", str(tmp_path / "storage"))
    outside, folder = tmp_path / "outside", tmp_path / "storage" / "trash"
    (folder / "folder" / "below").mkdir(parents=True)
    (folder / "folder" / "below" / "file").write_bytes(b"x" * 5000)
    (folder / "file").write_text("x")
    outside.mkdir()
    (outside / "precious").write_text("x")
    (folder / "link").symlink_to(outside)
    (folder / "nowhere").symlink_to("nothing")
    found = trash.listing(cloud)
    sizes = {item.name: size for item, size in found}
    assert sizes.keys() == {"folder", "file", "link", "nowhere"}
    assert sizes["folder"] >= 8192
    (folder / "later").write_text("neither shown nor agreed to")
    trash.purge(cloud, [item for item, _ in found])
    assert [item.name for item in folder.iterdir()] == ["later"]
    assert (outside / "precious").exists()
    trash.purge(cloud, [item for item, _ in [*found, *trash.listing(cloud)]])
    assert not folder.exists() and (outside / "precious").exists()


def test_a_rename_can_be_cut_off_anywhere_and_done_again(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("data")
    (tmp_path / "old.stamp").write_text("{}")
    os.link(old, new)  # as a kill between the two leaves it
    for _ in range(2):
        files.rename(Rename(str(old), str(new)))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "new.stamp"]
    assert new.read_text() == "data"


def test_a_rename_overwrites_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    new.write_text("new")
    with pytest.raises(Failure, match="exists already"):
        files.rename(Rename(str(old), str(new)))
    assert (old.read_text(), new.read_text()) == ("old", "new")


@pytest.fixture
def without_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system without extended attributes answers (NFS, FAT)."""
    def refuse(path: object, *_: object, **__: object) -> bytes:
        raise OSError(errno.ENOTSUP, "Operation not supported", str(path))

    monkeypatch.setattr(os, "setxattr", refuse)
    monkeypatch.setattr(os, "getxattr", refuse)


@pytest.mark.usefixtures("without_attributes")
def test_a_sidecar_follows_its_file(tmp_path: Path) -> None:
    final = stamped(tmp_path)
    old = facts(final)
    assert old.genuine and names(tmp_path) == ["disk", "disk.stamp"]
    # Made anew: the new one is stamped while the old one is there, and then takes its name.
    part = tmp_path / "disk.part"
    part.write_text("new")
    files.write_stamp(Stamp(str(part), str(final), "lab", "disk/x"))
    assert facts(final) == old, "the old one is still itself"
    there = tmp_path / "trash" / "disk.1"
    files.move_to_trash(Trash(str(final), str(there)))
    files.publish(Publish(str(part), str(final), 0o600))
    assert facts(final).genuine and final.read_text() == "new"
    assert names(tmp_path) == ["disk", "disk.stamp", "trash"]
    assert names(there.parent) == ["disk.1", "disk.1.stamp"]


@pytest.mark.usefixtures("without_attributes")
@pytest.mark.parametrize("cut", ["rename", "link", "unlink", "fsync"])
def test_a_kill_between_a_file_and_its_sidecar_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    """What has the final name is the old one or the new one, and bears its own stamp."""
    final, part = stamped(tmp_path), tmp_path / "disk.part"

    def swap() -> None:
        part.unlink(missing_ok=True)
        part.write_text("new")
        files.write_stamp(Stamp(str(part), str(final), "lab", "disk/x"))
        files.take_place(str(part), str(final))

    for number in range(1, 7):
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            patch.setattr(os, cut, killing(getattr(os, cut), number))
            swap()
        assert facts(final).genuine, (cut, number)
    swap()
    assert facts(final).genuine and final.read_text() == "new"


def killing(real: Callable[..., object], number: int) -> Callable[..., object]:
    """The same, but for the call of that number, before which we are killed."""
    calls = itertools.count(1)

    def call(*args: object, **words: object) -> object:
        if next(calls) == number:
            raise KeyboardInterrupt
        return real(*args, **words)

    return call


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    files.put(file, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.put(file, "new")
    assert file.read_text() == "old" and names(tmp_path) == ["file"]
