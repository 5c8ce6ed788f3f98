import pytest
from guest_texts import ACCOUNTS, CARD, guest, wish

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import File, Fresh, Remark, Remove, WriteFile
from tiny_cloud.guests.roots import Root, only_root, refuse_missing
from tiny_cloud.guests.systems import writer_for


def root(device: str = "/dev/sda2") -> Root:
    return Root(device, "linux", "debian", (12, 5), "12.5", "deb", {"/": device})


def test_a_disk_without_a_system_is_said_to_have_none() -> None:
    """The original's bugs 5 and 12: an IndexError, and the machine booted anyway."""
    with pytest.raises(Failure, match="no operating system was found on web-root") as caught:
        only_root([], {"/dev/sda1": "ext4"}, "web-root")
    assert caught.value.detail == "file systems on it: /dev/sda1: ext4"


@pytest.mark.parametrize("kind", ["crypto_LUKS", "BitLocker"])
def test_a_root_that_the_guest_encrypted_is_said_to_be(kind: str) -> None:
    held = {"/dev/sda1": "ext4", "/dev/sda2": kind}
    with pytest.raises(Failure, match=r"web-root is encrypted from inside \(/dev/sda2\)"):
        only_root([], held, "web-root")
    assert only_root([root()], held, "x") == root()


def test_several_systems_are_all_named() -> None:
    with pytest.raises(Failure, match=r"2 operating systems .* /dev/sda2, .* /dev/sda3"):
        only_root([root(), root("/dev/sda3")], {}, "x")
    assert only_root([root()], {}, "x") == root()


def test_a_missing_part_matters_where_edits_may_lie() -> None:
    with pytest.raises(Failure, match="/var/lib of the guest on x could not be mounted"):
        refuse_missing({"/srv": "no device", "/var/lib": "no device"}, "x")
    assert len(refuse_missing({"/boot/efi": "dirty", "/srv": "no device"}, "x")) == 2
    with pytest.raises(Failure):
        refuse_missing({"/": "bad superblock"}, "x")


def test_an_unknown_system_is_named() -> None:
    with pytest.raises(Failure, match=r"\(plan9 4\.0\)"):
        writer_for(guest(distro="plan9", version=(4, 0)))


@pytest.mark.parametrize(("distro", "version", "method"), [
    ("debian", 10, "sha512"), ("debian", 11, "yescrypt"),
    ("ubuntu", 20, "sha512"), ("ubuntu", 22, "yescrypt"), ("raspbian", 12, "sha512"),
])
def test_hashes_suit_the_guest(distro: str, version: int, method: str) -> None:
    found = guest(distro=distro, version=(version, 0))
    assert writer_for(found).crypt_method(found) == method


def everything() -> tuple[object, ...]:
    found = guest({**ACCOUNTS, "/etc/network/interfaces.d/50-cloud-init": "auto eth0\n"},
                  {"/usr/sbin/ifup": File(), "/usr/bin/cloud-init": File()})
    wanted = wish(Fresh("0" * 32, b"seed"), hostname="web", interfaces=[CARD],
                  users={"koder": {"hash": "$6$a$b", "groups": ["sudo"],
                                   "authorizedKeys": ["ssh-ed25519 AAAA k"]}})
    return writer_for(found).edits(wanted, found)


def test_the_same_guest_gets_the_same_edits_in_an_order_that_holds() -> None:
    edits = [edit for edit in everything() if not isinstance(edit, Remark)]
    assert [edit for edit in everything() if not isinstance(edit, Remark)] == edits
    paths = [getattr(edit, "path", "") for edit in edits]
    assert len(paths) == len(set(paths))
    assert paths.index("/home/koder") < paths.index("/home/koder/.ssh")
    assert paths[-1] == "/etc/passwd"


def test_a_file_that_goes_is_not_written() -> None:
    edits = [edit for edit in everything()
             if getattr(edit, "path", "") == "/etc/network/interfaces.d/50-cloud-init"]
    assert edits == [Remove("/etc/network/interfaces.d/50-cloud-init")]


def test_nothing_declared_writes_nothing() -> None:
    assert writer_for(guest()).edits(wish(), guest()) == ()


@pytest.mark.parametrize(("file", "said"), [
    (File("symlink", target="/tmp/x"), "a symlink"),
    (File("redirected", target="/etc"), "/etc is no plain folder"),
    (File("special file"), "no regular file but a special file"),
    (File(refused="it has 2 hard links"), "2 hard links"),
])
def test_a_file_that_is_none_is_not_read_as_one(file: File, said: str) -> None:
    found = guest({}, {"/etc/passwd": file})
    with pytest.raises(Failure, match=said):
        found.text("/etc/passwd")


def test_secrets_are_not_in_what_is_printed() -> None:
    edit = WriteFile("/etc/shadow", b"root:$6$hash")
    fresh = Fresh("0" * 32, b"canary", {"/etc/ssh/key": (b"canary", 0o600)})
    assert "hash" not in repr(edit) and "canary" not in repr(fresh)
