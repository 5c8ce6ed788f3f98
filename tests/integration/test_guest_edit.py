"""A real Debian on a partitioned disk is edited in an appliance and read back in another."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import File, Found, write
from tiny_cloud.guests.tables import Table
from tiny_cloud.host import debootstrap, guest, here, passwords, recognition
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.steps import EditGuest

pytestmark = pytest.mark.integration

HOST_KEYS = ("rsa", "ecdsa", "ed25519")
ENVIRON = {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
MIB = 1 << 20
BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
SECRETS = {"ROOT": "correct horse", "KODER": "battery staple"}
UNRELATED = ("/etc/ssh/ssh_config", "/etc/ssh/sshd_config", "/etc/login.defs", "/etc/fstab",
             "/etc/pam.d/*", "/etc/security/*", "/usr/bin/m*", "/var/lib/dpkg/status")


def run(*argv: str, stdin: str = "") -> str:
    return subprocess.run(argv, input=stdin, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def tree(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An image's files as they were before anything was edited."""
    folder = tmp_path_factory.mktemp("tree")
    tree, disk = folder / "tree", folder / "debian.raw"
    tree.mkdir()
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(debian), str(disk))
    run("debugfs", "-R", f"rdump / {tree}", f"{disk}?offset={debootstrap.START}")
    disk.unlink()
    # As of an image that was made of a running machine.
    (tree / "etc/machine-id").write_text("11111111111111111111111111111111\n")
    for kind in HOST_KEYS:
        (tree / f"etc/ssh/ssh_host_{kind}_key").write_text("of the image\n")
    yield tree
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def base(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """1 GiB: a BIOS-boot partition with a name and an attribute, then Debian on ext4."""
    disk = tmp_path_factory.mktemp("disks") / "base.raw"
    with disk.open("wb") as file:
        file.truncate(1024 * MIB)
    run("sfdisk", "-q", str(disk), stdin=textwrap.dedent(f"""\
        label: gpt
        start=2048, size=2048, type={BIOS_BOOT}, name="bios boot", attrs="LegacyBIOSBootable"
        start=4096, size={1020 * MIB // 512}, type={LINUX}, name="root"
        """))
    run("mke2fs", "-q", "-t", "ext4", "-E", f"offset={2 * MIB}", "-d", str(tree), str(disk),
        "1020M")
    yield disk
    shutil.rmtree(disk.parent)


@pytest.fixture(scope="module")
def edited(base: Path) -> tuple[Path, Mapping[str, str], list[str]]:
    disk = overlay(base, "web.qcow2", "3G")
    told: list[str] = []
    hashes = guest.edit(step(disk), secret=lambda source: SECRETS[source["env"]],
                        environ=ENVIRON, progress=told.append)
    return disk, hashes, told


@pytest.fixture(scope="module")
def found(edited: tuple[Path, Mapping[str, str], list[str]]) -> Found:
    """What a second appliance, which may not write, reads."""
    disk, _, _ = edited
    return guest.inspect(str(disk), "qcow2", environ=ENVIRON, paths=(
        "/etc/*", "/etc/ssh/*", "/etc/network/*", "/etc/systemd/network/*", "/home/koder",
        "/home/koder/.[!.]*", "/home/koder/.ssh/*", "/root/.ssh/*", "/var/lib/systemd/*",
        "/etc/.tinycloud*", *UNRELATED))


def overlay(base: Path, name: str, size: str) -> Path:
    disk = base.with_name(name)
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw", str(disk), size)
    return disk


def step(disk: Path) -> EditGuest:
    return EditGuest("guest/web", str(disk), "qcow2", {
        "hostname": "web.lab.example",
        "users": {
            "root": {"password": {"env": "ROOT"}, "authorizedKeys": ["ssh-ed25519 AAAAC3r r"]},
            "koder": {"password": {"env": "KODER"}, "groups": ["users"],
                      "authorizedKeys": ["ssh-ed25519 AAAAC3k k"]},
        },
        "interfaces": [{"name": "eth0", "mac": "52:54:00:12:34:56", "address": "10.0.2.15/24",
                        "gateway": "10.0.2.2", "dns": ["10.0.2.3"]}],
        "hosts": [{"address": "10.0.2.20", "names": ["db"]}],
    }, fresh=True)


def test_accounts_are_as_asked(
    edited: tuple[Path, Mapping[str, str], list[str]], found: Found
) -> None:
    _, hashes, _ = edited
    shadow = Table.parse(found.text("/etc/shadow"), 9)
    for name, secret in (("root", "ROOT"), ("koder", "KODER")):
        row = shadow.row(name)
        assert row is not None and row[1] == hashes[f"users.{name}.password"]
        assert row[1].startswith("$y$") and passwords.verify(SECRETS[secret], row[1])
    assert (found.files["/etc/shadow"].mode, found.files["/etc/shadow"].gid) == (0o640, 42)
    assert shadow.row("sshd") is not None
    assert "koder:x:1000:1000::/home/koder:/bin/bash\n" in found.text("/etc/passwd")
    assert "users:x:100:koder\n" in found.text("/etc/group")


def test_the_home_is_its_users(found: Found) -> None:
    home = found.files["/home/koder"]
    assert (home.kind, home.mode, home.uid, home.gid) == ("folder", 0o700, 1000, 1000)
    assert found.files["/home/koder/.bashrc"].uid == 1000
    keys = found.files["/home/koder/.ssh/authorized_keys"]
    assert (keys.content, keys.mode, keys.uid) == (b"ssh-ed25519 AAAAC3k k\n", 0o600, 1000)
    assert found.text("/root/.ssh/authorized_keys") == "ssh-ed25519 AAAAC3r r\n"


def test_names_and_network_are_as_asked(found: Found) -> None:
    assert found.text("/etc/hostname") == "web\n"
    assert "127.0.1.1\tweb.lab.example web\n" in found.text("/etc/hosts")
    assert "10.0.2.20\tdb\n" in found.text("/etc/hosts")
    assert "    gateway 10.0.2.2\n" in found.text("/etc/network/interfaces")
    assert "Name=eth0" in found.text("/etc/systemd/network/10-tinycloud-eth0.link")
    assert "nameserver 10.0.2.3\n" in found.text("/etc/resolv.conf")


def test_the_machine_is_like_no_other(tree: Path, found: Found) -> None:
    assert found.text("/etc/machine-id") != (tree / "etc/machine-id").read_text()
    for kind in HOST_KEYS:
        path = f"/etc/ssh/ssh_host_{kind}_key"
        assert found.files[path].content not in (b"", (tree / path[1:]).read_bytes())
        assert found.files[path].mode == 0o600
    assert len(found.files["/var/lib/systemd/random-seed"].content) == 512


def test_all_else_is_byte_for_byte_as_before(tree: Path, found: Found) -> None:
    before = {f"/{path.relative_to(tree)}": as_it_was(path)
              for pattern in UNRELATED for path in tree.glob(pattern[1:])}
    assert len(before) > 30
    assert {path: found.files[path] for path in before} == before
    assert [path for path in found.files if "/.tinycloud" in path] == []


def as_it_was(path: Path) -> File:
    facts = path.lstat()
    owner = {"mode": stat.S_IMODE(facts.st_mode), "uid": facts.st_uid, "gid": facts.st_gid}
    if path.is_symlink():
        return File("symlink", target=os.readlink(path), **owner)
    if path.is_dir():
        return File("folder", **owner)
    return File(content=path.read_bytes(), **owner)


def test_the_root_is_grown_and_the_boot_partition_is_as_it_was(
    base: Path, edited: tuple[Path, Mapping[str, str], list[str]]
) -> None:
    disk, _, _ = edited
    raw = base.with_name("grown.raw")
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(disk), str(raw))
    try:
        old, new = (run("sfdisk", "-d", str(path)).splitlines() for path in (base, raw))
        assert new[-2].removeprefix(str(raw)) == old[-2].removeprefix(str(base))
        assert old[-1].split("type=")[1] == new[-1].split("type=")[1]
        run("e2fsck", "-fn", f"{raw}?offset={2 * MIB}")
        told = run("dumpe2fs", "-h", f"{raw}?offset={2 * MIB}")
    finally:
        raw.unlink()
    blocks = next(line.split()[-1] for line in told.splitlines() if line.startswith("Block count"))
    assert int(blocks) * 4096 > 3060 * MIB


def test_no_secret_was_reported(edited: tuple[Path, Mapping[str, str], list[str]]) -> None:
    _, _, told = edited
    assert told[0] == "starts the libguestfs appliance"
    assert "files and folders into debian 12." in told[-1]
    assert not any(secret in line for line in told for secret in SECRETS.values())


def test_a_disk_that_was_seen_is_known_again_until_its_system_is_another(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "CACHE", tmp_path)
    disk = str(overlay(base, "again.qcow2", "2G"))
    with GuestSession("guest/web", environ=ENVIRON) as session:
        session.open(disk, "qcow2", readonly=False)
        assert recognition.recognised(session) is None
        root = guest.entered(session, disk, lambda _: None)
        assert root.name.startswith("debian 12.") and root.mountpoints == {"/": "/dev/sda2"}
        assert session.grow_partition("/dev/sda2") == ""
        session.leave()
        assert recognition.recognised(session) == root
        assert session.look(["/etc/hostname"]) != {}, "its root is mounted"
        session.edit([write("/etc/fstab", "LABEL=elsewhere /srv ext4 defaults 0 2\n")])
        session.leave()
        assert recognition.recognised(session) is None
        assert session.types(["/dev/sda2"]) == {"/dev/sda2": "ext4"}, "it answers as before"
        session.shutdown()


def test_a_disk_without_a_system_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "blank.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", str(disk), "64M")
    with pytest.raises(Failure, match=r"guest/web: no operating system was found on .*blank"):
        guest.edit(step(disk), secret=lambda source: "", environ=ENVIRON,
                   progress=lambda text: None)


def test_a_killed_parent_leaves_no_appliance_behind(base: Path, tmp_path: Path) -> None:
    """The lock's descriptor is held by the worker until its appliance is gone, and not longer."""
    lock, parent = tmp_path / "lock", tmp_path / "parent.py"
    parent.write_text(textwrap.dedent(f"""\
        import os
        from tiny_cloud.host.guest_session import GuestSession
        lock = os.open({str(lock)!r}, os.O_RDWR | os.O_CREAT)
        session = GuestSession("guest/web", environ={ENVIRON!r}, pass_fds=(lock,))
        print(session.child.pid, flush=True)
        session.open({str(base)!r}, "raw", readonly=True)
        """))
    child = subprocess.Popen((sys.executable, str(parent)), stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    with child:
        assert child.stdout is not None
        worker = int(child.stdout.readline())
        time.sleep(2)
        child.send_signal(signal.SIGKILL)
    assert os.path.exists(f"/proc/{worker}/cmdline")
    deadline = time.monotonic() + 120
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not Path(f"/proc/{worker}").exists()
    assert holders(lock) == []


def holders(path: Path) -> list[str]:
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path):
                found.append(str(link))
        except OSError:
            # A process that has ended meanwhile holds nothing.
            continue
    return found
