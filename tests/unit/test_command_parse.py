"""What is read from tools and publishers: progress, sums files, and the limits put on tools."""

import pytest
import yaml

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import with_block
from tiny_cloud.guests.networking import ifupdown
from tiny_cloud.host import debian_base, sums
from tiny_cloud.host.command import environment, fractions, limited, require

SHA256, OTHER, SHA512 = "a" * 64, "b" * 64, "c" * 128


def test_progress_is_read_across_the_edges_of_chunks() -> None:
    chunks = [b"    (0.00/100%)\r    (12.", b"34/100", b"%)\r", b"    (100.00/100%)\r\n"]
    assert list(fractions(iter(chunks))) == [0.0, 0.1234, 1.0]


def test_output_without_progress_has_no_fractions() -> None:
    assert list(fractions(iter([b'{"virtual-size": 100}', b" 50/100%"]))) == []


def test_limits_come_before_the_command() -> None:
    assert limited(("qemu-img", "info"), cpu=30, memory=1 << 30, file_size=4096) == (
        "prlimit", "--cpu=30", "--as=1073741824", "--fsize=4096", "--core=0", "--",
        "env", "MALLOC_ARENA_MAX=1", "qemu-img", "info",
    )


def test_children_do_not_inherit_what_may_be_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KODER_PASSWORD", "hunter2")
    monkeypatch.setenv("LIBGUESTFS_BACKEND", "direct")
    # What is written into guests would be in what a worker says when it fails.
    monkeypatch.setenv("LIBGUESTFS_TRACE", "1")
    seen = environment({"EXTRA": "1"})
    assert not {"KODER_PASSWORD", "LIBGUESTFS_TRACE"} & seen.keys()
    assert (seen["LIBGUESTFS_BACKEND"], seen["EXTRA"], seen["LC_ALL"]) == ("direct", "1", "C")


def test_a_missing_tool_names_its_package() -> None:
    with pytest.raises(Failure) as raised:
        require("qemu-img", path="/nonexistent")
    assert (raised.value.summary, raised.value.hint) == (
        "qemu-img is not installed", "apt install qemu-utils")


@pytest.mark.parametrize("line", [
    f"{SHA256}  debian.qcow2",
    f"{SHA256} *debian.qcow2",
    f"{SHA256.upper()}  ./images/debian.qcow2",
    f"SHA256 (debian.qcow2) = {SHA256}",
])
def test_every_way_to_write_a_sum(line: str) -> None:
    text = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{OTHER}  other.qcow2\n{line}\n"
    found = sums.digest_for(text, "https://example.org/a%20b/debian.qcow2?x=1", "SUMS")
    assert found == ("sha256", SHA256)


def test_the_stronger_of_two_sums_is_taken() -> None:
    text = f"{SHA256}  d.img\n{SHA512}  d.img\n"
    assert sums.digest_for(text, "https://example.org/d.img", "SUMS") == ("sha512", SHA512)


@pytest.mark.parametrize(("text", "said"), [
    (f"{SHA256}  other.img\n", "does not name d.img"),
    (f"{'d' * 32}  d.img\n", "only a sum of an older kind"),
    (f"{SHA256}  a/d.img\n{OTHER}  b/d.img\n", "2 different sha256 sums"),
    ("<html>404</html>", "does not name d.img"),
])
def test_a_sums_file_that_does_not_settle_it_is_a_failure(text: str, said: str) -> None:
    with pytest.raises(Failure, match=said):
        sums.digest_for(text, "https://example.org/d.img", "SUMS")


def test_a_kernel_that_is_asked_for_replaces_the_usual_one() -> None:
    assert debian_base.KERNEL in debian_base.packages(["openssh-server"])
    chosen = debian_base.packages(["linux-image-amd64"])
    assert "linux-image-amd64" in chosen and debian_base.KERNEL not in chosen


def test_netplan_takes_the_place_of_ifupdown() -> None:
    assert "ifupdown" not in debian_base.packages(["netplan.io", "cloud-init"])
    written = debian_base.files(["netplan.io", "cloud-init"], "u")
    assert ifupdown.PATH not in written
    cards = yaml.safe_load(written["/etc/netplan/90-default.yaml"])["network"]["ethernets"]
    # networkd takes the first file that matches, and netplan names files after these keys.
    assert min(cards) > "ens3"


def test_the_dhcp_of_the_image_goes_when_a_guest_declares_its_cards() -> None:
    ours = debian_base.files([], "u")[ifupdown.PATH]
    assert "iface wired inet dhcp" in ours
    assert with_block(ours, ()) == ifupdown.EMPTY


def test_the_root_is_found_by_its_uuid() -> None:
    assert "UUID=1234-5 / ext4" in debian_base.files([], "1234-5")["/etc/fstab"]
