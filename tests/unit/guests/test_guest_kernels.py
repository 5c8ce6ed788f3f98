import os
from pathlib import Path

import pytest
from folder_guest import FolderGuest

from tiny_cloud.errors import Failure
from tiny_cloud.guests.kernels import newest
from tiny_cloud.host.guest_worker import session as guest_worker
from tiny_cloud.host.guest_worker.session import Session
from tiny_cloud.host.guest_worker.tree import Refused


@pytest.mark.parametrize(("versions", "best"), [
    (("6.1.0-9-amd64", "6.1.0-28-amd64"), "6.1.0-28-amd64"),
    (("6.9.7-1-amd64", "6.12.0-1-amd64"), "6.12.0-1-amd64"),
    (("6.12~rc6-amd64", "6.12-amd64", "6.11.4-amd64"), "6.12-amd64"),
    (("6.12.0-rc1", "6.12.0"), "6.12.0"),
    (("0-rescue-4f1e", "4.18.0-513.el8.x86_64"), "4.18.0-513.el8.x86_64"),
])
@pytest.mark.parametrize("pattern", ["initrd.img-{}", "initramfs-{}.img", "initrd-{}"])
def test_the_newest(versions: tuple[str, ...], best: str, pattern: str) -> None:
    names = [name for v in versions for name in (f"vmlinuz-{v}", pattern.format(v))]
    for order in (names, names[::-1]):
        assert newest(order) == (best, f"vmlinuz-{best}", pattern.format(best))


def test_one_without_a_ramdisk_does_not_count() -> None:
    names = ["vmlinuz-7", "vmlinuz-6", "initrd.img-6", "vmlinuz", "initrd.img"]
    assert newest(names) == ("6", "vmlinuz-6", "initrd.img-6")


@pytest.mark.parametrize("names", [(), ("vmlinuz", "initrd.img"), ("vmlinuz-6", "initrd.img-5")])
def test_none(names: tuple[str, ...]) -> None:
    with pytest.raises(Failure, match="no kernel with an initial ramdisk"):
        newest(names)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    boot = tmp_path / "guest/boot"
    (boot / "grub").mkdir(parents=True)
    (boot / "vmlinuz-6").write_bytes(b"kernel")
    (boot / "vmlinuz-7").symlink_to("/etc/shadow")
    os.mkfifo(boot / "vmlinuz-8")
    session = Session(lambda: None)
    session.g = FolderGuest(tmp_path / "guest")
    return session


def test_links_and_special_files_are_not_seen(session: Session) -> None:
    assert session.sizes("/boot") == {"vmlinuz-6": 6}
    assert session.sizes("/nowhere") == {}
    assert session.sizes("/boot/vmlinuz-7") == {}


def test_only_a_plain_file_of_a_kernels_size_is_copied(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "kernel.part"
    session.download("/boot/vmlinuz-6", str(to))
    assert to.read_bytes() == b"kernel"
    for name in ("vmlinuz-7", "vmlinuz-8", "grub", "none"):
        with pytest.raises(Refused, match="no regular file"):
            session.download(f"/boot/{name}", str(tmp_path / "other"))
    monkeypatch.setattr(guest_worker, "LARGEST_COPY", 5)
    with pytest.raises(Refused, match="far more than a kernel"):
        session.download("/boot/vmlinuz-6", str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()
