"""Disks with small systems whose roots are not the usual ones, all made in one appliance."""

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import guestfs

MIB = 1 << 20
PASSPHRASE = "only the guest knows it"
FSTABS = {
    "lvm": "/dev/guests/root / ext4 defaults 0 1\n",
    "xfs": "/dev/sda1 / xfs defaults 0 1\n",
    "btrfs": "/dev/sda1 / btrfs subvol=@ 0 0\n/dev/sda1 /home btrfs subvol=@home 0 0\n",
    "ext4": "/dev/sda1 / ext4 defaults 0 1\n",
}
TREE = {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="A Debian for tests"\n',
    "etc/debian_version": "12.5\n",
    "etc/hostname": "image\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n# a remark that stays\n127.0.1.1\timage\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n",
    "etc/shadow": "root:*:19700:0:99999:7:::\nann:!:19700:0:99999:7:::\n",
    "etc/group": "root:x:0:\nusers:x:100:\nann:x:1000:\n",
    "etc/gshadow": "root:*::\nusers:*::\nann:!::\n",
    "etc/machine-id": "11111111111111111111111111111111\n",
    "etc/network/interfaces": "auto lo\niface lo inet loopback\n",
    "etc/systemd/network/keep": "", "home/ann/keep": "", "usr/sbin/ifup": "", "bin/sh": "",
    "lib/x": "", "usr/bin/x": "", "var/lib/dpkg/status": "", "root/x": "",
}
"""What inspection takes for a Debian, and what its writers look at."""
# Version 2, then tag, permissions and id of each entry (linux/posix_acl_xattr.h): ann may read it.
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in (
    (0x01, 6, 0xFFFFFFFF), (0x02, 4, 1000), (0x04, 4, 0xFFFFFFFF), (0x10, 4, 0xFFFFFFFF),
    (0x20, 4, 0xFFFFFFFF)))
ATTRIBUTES = {"user.remark": b"kept", "system.posix_acl_access": ACL}
"""Of /etc/hosts, where mke2fs made the file system."""
MODES = {"etc/shadow": 0o640, "etc/gshadow": 0o640}


def make(folder: Path, environ: Mapping[str, str]) -> dict[str, Path]:
    """Raw images by name. ``lvm`` (ext4) and ``xfs`` were cut off: their journals are to be
    replayed. ``luks`` is encrypted inside, ``two`` has two systems, ``sealed`` is ext4 that no
    kernel mounts for writing.
    """
    os.environ.update(environ)
    disks = {name: _partitioned(folder / f"{name}.raw", 2 if name == "two" else 1)
             for name in ("lvm", "xfs", "btrfs", "two", "sealed", "luks")}
    for name, starts in {"two": (1, 200), "sealed": (1,)}.items():
        _ext4(folder, disks[name], starts)
    run("tune2fs", "-O", "read-only", f"{disks['sealed']}?offset={MIB}")
    sealed = folder / "luks.part"
    run("qemu-img", "create", "-q", "-f", "luks", "--object", f"secret,id=key,data={PASSPHRASE}",
        "-o", "key-secret=key,iter-time=10", str(sealed), "32M")
    with disks["luks"].open("r+b") as disk:
        disk.seek(MIB)
        disk.write(sealed.read_bytes())
    sealed.unlink()
    _journalled(disks)
    return disks


def plain_disk(disk: Path) -> None:
    """The same small system on the only partition of a disk, as ext4."""
    _partitioned(disk, 1, size=64)
    _ext4(disk.parent, disk, (1,), "60M")


def _partitioned(disk: Path, parts: int, *, size: int = 400) -> Path:
    """``size`` in MiB."""
    with disk.open("wb") as file:
        file.truncate((size + 1) * MIB)
    sizes = "".join(f"size={size // parts - 1}MiB, type=linux\n" for _ in range(parts))
    run("sfdisk", "-q", str(disk), stdin=f"label: gpt\n{sizes}")
    return disk


def _ext4(folder: Path, disk: Path, starts: Iterable[int], size: str = "190M") -> None:
    with tempfile.TemporaryDirectory(dir=folder) as tree:
        for path, text in {**TREE, "etc/fstab": FSTABS["ext4"]}.items():
            file = Path(tree, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(MODES.get(path, 0o644))
        for name, value in ATTRIBUTES.items():
            os.setxattr(Path(tree, "etc/hosts"), name, value)
        for start in starts:
            run("mke2fs", "-q", "-t", "ext4", "-E", f"offset={start * MIB}", "-d", tree, str(disk),
                size)


def _journalled(disks: Mapping[str, Path]) -> None:
    """What takes a kernel that has the file systems."""
    g = guestfs.GuestFS(python_return_dict=True)
    for name in ("lvm", "xfs", "btrfs"):
        g.add_drive_opts(str(disks[name]), format="raw", cachemode="unsafe", label=name)
    g.launch()
    parts = {name: f"{device}1" for name, device in g.list_disk_labels().items()}
    _btrfs(g, parts["btrfs"])
    g.pvcreate(parts["lvm"])
    g.vgcreate("guests", [parts["lvm"]])
    g.lvcreate_free("root", "guests", 100)
    for name, device, kind in (
            ("lvm", "/dev/guests/root", "ext4"), ("xfs", parts["xfs"], "xfs")):
        g.mkfs(kind, device)
        g.mkmountpoint(f"/{name}")
        g.mount(device, f"/{name}")
        _fill(g, name, f"/{name}")
    # The power goes: what was written last is in the journals alone.
    g.sync()
    for name in ("lvm", "xfs"):
        g.write(f"/{name}/etc/late", b"written last\n")
    g.sync()
    os.kill(g.get_pid(), signal.SIGKILL)
    g.close()


def _btrfs(g: guestfs.GuestFS, device: str) -> None:
    g.mkfs("btrfs", device)
    g.mkmountpoint("/btrfs")
    g.mount(device, "/btrfs")
    for subvolume in ("@", "@home"):
        g.btrfs_subvolume_create(f"/btrfs/{subvolume}")
    _fill(g, "btrfs", "/btrfs/@")
    # What is in @/home is hidden by the mount of @home.
    g.rm_rf("/btrfs/@/home/ann")
    g.mkdir("/btrfs/@home/ann")
    g.umount("/btrfs")
    g.rmmountpoint("/btrfs")


def _fill(g: guestfs.GuestFS, name: str, place: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path, text in {**TREE, "etc/fstab": FSTABS[name]}.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text), MODES.get(path, 0o644)
            tar.addfile(info, io.BytesIO(text.encode()))
    with tempfile.NamedTemporaryFile() as archive:
        archive.write(stream.getvalue())
        archive.flush()
        g.tar_in(archive.name, place)


def run(*argv: str, stdin: str = "") -> None:
    subprocess.run(argv, input=stdin, check=True, capture_output=True, text=True)
