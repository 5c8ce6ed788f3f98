"""Sentences that only a real tool's answer brings about, each in a fraction of a second."""

import subprocess
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host import command, debootstrap, guest_contents, imports, inspect, qemu_img
from tiny_cloud.steps import ImportImage

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
MIB = 1 << 20


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A qcow2 of 4 MiB with something in it."""
    path = tmp_path / "a.qcow2"
    qemu_img.create(str(path), "qcow2", 4 * MIB)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write 0 2M", path], check=True,
                   stdout=subprocess.DEVNULL)
    return path


def test_a_program_that_fails() -> None:
    with pytest.raises(Failure, match=r"qemu-img failed \(exit code 1\): .*No such file") as caught:
        command.run(("qemu-img", "info", "/nonexistent"))
    assert "Could not open" in caught.value.detail


def test_an_image_that_is_marked_corrupt(image: Path) -> None:
    with image.open("r+b") as file:
        # incompatible_features, bit 1 (docs/interop/qcow2).
        file.seek(79)
        file.write(b"\2")
    with pytest.raises(Failure, match=r"a\.qcow2 is marked corrupt"):
        qemu_img.info(str(image), "qcow2")


def test_a_disk_is_never_shrunk(image: Path) -> None:
    with pytest.raises(Failure, match="has 4194304 bytes and is never shrunk, to 1048576 bytes"):
        qemu_img.resize(str(image), "qcow2", MIB)


def test_an_image_that_is_cut_off_or_damaged(image: Path) -> None:
    whole = image.read_bytes()
    image.write_bytes(whole[:-1000])
    with pytest.raises(Failure, match=r"a\.qcow2 is cut off: it has \d+ bytes of at least"):
        imports._refuse_truncated(str(image))
    # A first table far behind the end of the file.
    image.write_bytes(whole[:40] + (1 << 40).to_bytes(8, "big") + whole[48:])
    with pytest.raises(Failure, match=r"a\.qcow2 is damaged or cut off"):
        imports._refuse_truncated(str(image))
    with pytest.raises(Failure, match=r"a\.qcow2 is refused: "):
        inspect._told_by_qemu(str(image), "vdi")


def test_a_conversion_of_another_size(image: Path) -> None:
    step = ImportImage("/srv/a.vmdk", "", str(image))
    with pytest.raises(Failure, match=r"/srv/a\.vmdk has 1048576 bytes and its conversion 4194304"):
        imports._verify(step, MIB)


def test_packages_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "large").write_bytes(bytes(range(256)) * (64 * MIB // 256))
    with pytest.raises(Failure, match="the packages do not fit on a disk of 33554432 bytes"):
        debootstrap._make_disk(str(tmp_path / "raw"), 32 * MIB,
                               "d6a4a4e4-2c3b-4f53-8d5b-0f3f6e1f0a11", str(tmp_path / "tree"), ())


def test_a_host_key_of_another_type(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"],
                   check=True)
    with pytest.raises(Failure, match=r"the key of sshHostKeys\.rsa is one of another") as told:
        guest_contents._public("rsa", (tmp_path / "key").read_bytes())
    assert told.value.hint == "it begins with ssh-ed25519"
