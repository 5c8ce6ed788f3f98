"""What this side refuses of files and addresses before any tool is asked."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host import (
    digest,
    fetch,
    files,
    http,
    imports,
    inspect,
    perform,
    qcow1,
    qemu_img,
    scratch,
    space,
)
from tiny_cloud.host.independent import look
from tiny_cloud.steps import Fetch, ImportImage

HEX = "0" * 64


def qcow(backing: int = 0, size: int = 1 << 20, crypt: int = 0) -> bytes:
    return b"QFI\xfb\x00\x00\x00\x01" + struct.pack(
        ">QIIQBBHIQ", backing, 0, 0, size, 12, 9, 0, crypt, 48)


@pytest.mark.parametrize(("head", "said"), [
    (qcow()[:40], "its qcow header is cut off or broken"),
    (qcow(size=0), "its qcow header is cut off or broken"),
    (qcow(backing=512), "it has a backing file, and could so read any file of this host"),
    (qcow(crypt=1), "it is encrypted"),
])
def test_old_qcow(head: bytes, said: str) -> None:
    with pytest.raises(Failure, match=f"a.qcow is refused: {said}"):
        qcow1.checked("a.qcow", head)


@pytest.mark.parametrize(("content", "said"), [
    (b"QED\0".ljust(4096, b"\0"), "is a qed image, which QEMU gave up"),
    (bytes(32769) + b"CD001".ljust(70000, b"\0"), "is a CD image, not a disk"),
    (b"vhdxfile", "is refused: incomplete file cannot be safety checked"),
])
def test_headers(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Failure, match=said):
        look(str(tmp_path / "a"), "")


def test_what_is_no_image_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path, said in ((tmp_path, "is not a regular file"), (tmp_path / "empty", "is empty"),
                       (tmp_path / "none", "cannot be read: No such file or directory")):
        with pytest.raises(Failure, match=f"{path} {said}"):
            inspect.inspect(str(path))


def test_a_pipe_has_no_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Failure, match="pipe is not a regular file"):
        digest.sha256(str(tmp_path / "pipe"), cache=tmp_path)


def wanted(url: str, to: Path, algorithm: str = "sha256", digest: str = HEX) -> Fetch:
    return Fetch(url, algorithm, digest, str(to))


def test_addresses_that_nothing_is_fetched_from(tmp_path: Path) -> None:
    to = tmp_path / "a.part"
    for step, said in (
        (wanted("http://[::1]:1/a", to, digest=""), "has no digest to check it against"),
        (wanted("file://elsewhere/a", to), "file://elsewhere/a names another host"),
        (wanted(f"file://{tmp_path}", to), "is not a regular file"),
        (wanted(f"file://{tmp_path}/none", to), "cannot be read: No such file"),
        (wanted("ftp://[::1]/a", to), "ftp://.* is no address to download from"),
    ):
        with pytest.raises(Failure, match=said):
            fetch.fetch(step)
    assert not to.exists() or to.stat().st_size == 0


def test_a_file_with_another_digest_goes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    to = tmp_path / "a.part"
    with pytest.raises(Failure, match=f"has the sha256 .* and should have {HEX}"):
        fetch.fetch(wanted(f"file://{tmp_path}/a", to))
    assert not to.exists()


def test_digests_that_prove_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    with pytest.raises(Failure, match="md5 is no digest that is trusted"):
        fetch.fetch(wanted(f"file://{tmp_path}/a", tmp_path / "a.part", "md5", "0" * 32))


def test_a_place_that_nothing_can_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "link.part").symlink_to(tmp_path / "a")
    with (pytest.raises(Failure, match=r"link.part cannot be written: Too many levels"),
          fetch._part(str(tmp_path / "link.part"))):
        pass
    assert not (tmp_path / "a").exists()


def test_a_redirection_out_of_encryption_is_not_followed() -> None:
    with pytest.raises(Failure, match="redirects to http://b/x, which is not encrypted"):
        http._follow("https://a/", "http://b/x")
    assert http._follow("http://a/", "http://b/x") == "http://b/x"


def test_what_a_conversion_is_called(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"is no place for a conversion: .* end in \.part"):
        imports.import_image(ImportImage("/srv/a.vmdk", "", str(tmp_path / "a.qcow2")))


@pytest.mark.parametrize("to", ["a.qcow2", "json:{}", "nbd:unix:/a"])
def test_what_qemu_would_take_for_an_instruction(to: str) -> None:
    with pytest.raises(Failure, match="is not an absolute path"):
        qemu_img.create(to, "qcow2", 1 << 20)


def test_a_disk_that_is_there_or_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a.qcow2").write_bytes(b"content")
    with pytest.raises(Failure, match=r"a\.qcow2 exists already and is not overwritten"):
        qemu_img.create(str(tmp_path / "a.qcow2"), "qcow2", 1 << 20)
    assert (tmp_path / "a.qcow2").read_bytes() == b"content"
    with pytest.raises(Failure, match="has neither a size nor an image to take it from"):
        qemu_img.create(str(tmp_path / "b.qcow2.part"), "qcow2", None)


def test_room_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"the disk a needs 1152921504606846976 bytes and .* has"):
        space.require_space(str(tmp_path / "a"), 1 << 60, "the disk a")


def test_folders_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="file cannot be listed: Not a directory"):
        scratch._inside(tmp_path / "file")

    def refused(folder: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    monkeypatch.setattr(files.os, "scandir", refused)
    with pytest.raises(Failure, match=f"{tmp_path} may not be read"):
        files.listing(str(tmp_path))


def test_what_the_system_refuses_has_the_name_of_the_file() -> None:
    with pytest.raises(Failure, match="/a/b: No space left on device"), perform._failures():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/b")


def test_a_source_that_changes_while_it_is_read(tmp_path: Path) -> None:
    source = tmp_path / "a.raw"
    with pytest.raises(Failure, match=r"a\.raw cannot be read: No such file"):
        imports._marks([str(source)])
    source.write_bytes(b"before")
    with (pytest.raises(Failure, match="was changed while it was read") as caught,
          imports._unchanged(str(source))):
        source.write_bytes(b"after it was looked at")
        raise Failure("a reader tripped over it")
    assert caught.value.detail == "a reader tripped over it"
