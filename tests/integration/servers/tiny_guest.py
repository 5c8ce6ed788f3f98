"""A guest of a kernel and a busybox, up in seconds: it reads and writes every disk it sees.

On its console it says of each disk, by the serial number, what its first block had, and then what
it has: the word of the kernel's command line. Disks that are plugged in later it finds as well.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
from pathlib import Path

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /seen
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
for module in {modules}; do insmod /$module; done
word=$(sed 's/.*word=//; s/ .*//' /proc/cmdline)
while :; do
    for disk in /sys/block/vd*; do
        serial=$(cat $disk/serial) || continue
        [ -e /seen/$serial ] && continue
        touch /seen/$serial
        device=/dev/${{disk##*/}}
        had=$(dd if=$device bs=512 count=1 2>/dev/null | tr -d '\\0\\n')
        echo $word | dd of=$device bs=512 count=1 conv=sync,fsync 2>/dev/null &&
            echo "disk $serial had ($had) has ($word)" || echo "disk $serial failed"
    done
    sleep 1
done
"""


CMDLINE = "console=ttyS0 quiet no_timer_check"
"""On a busy host an emulated timer ticks too late for the kernel's taste, and it would panic."""


def make(folder: Path) -> tuple[Path, Path]:
    """A copy of the newest kernel of this host, which libvirt may give to its qemu user, and the
    initial ramdisk for it."""
    newest = sorted(Path("/boot").glob("vmlinuz-*"))[-1]
    kernel, initrd = folder / "vmlinuz", folder / "initrd"
    shutil.copyfile(newest, kernel)
    modules = _modules(newest.name.partition("-")[2])
    files = {"bin/busybox": _busybox(), "init": INIT.format(
        modules=" ".join(path.name for path in modules)).encode()}
    files |= {path.name: path.read_bytes() for path in modules}
    initrd.write_bytes(gzip.compress(_cpio({"bin": b"", "dev": b"", **files}), 1))
    return kernel, initrd


def _busybox() -> bytes:
    path = shutil.which("busybox")
    assert path, "apt install busybox-static"
    return Path(path).read_bytes()


def _modules(release: str) -> list[Path]:
    """Those for a disk on virtio, each after what it needs; none that is built in."""
    found: dict[str, None] = {}
    for name in ("virtio_pci", "virtio_blk"):
        said = subprocess.run(["modprobe", "-S", release, "--show-depends", name],
                              capture_output=True, text=True, check=True).stdout
        found |= dict.fromkeys(re.findall(r"^insmod (\S+)", said, re.MULTILINE))
    return [Path(path) for path in found]


def _cpio(files: dict[str, bytes]) -> bytes:
    """In the format newc (kernel: driver-api/early-userspace/buffer-format); empty: a folder."""
    stream = io.BytesIO()
    for number, (name, content) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        mode = 0o100755 if content else 0o40755
        head = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        stream.write(b"070701" + "".join(f"{it:08x}" for it in head).encode())
        stream.write(name.encode() + b"\0")
        stream.write(bytes(-stream.tell() % 4))
        stream.write(content)
        stream.write(bytes(-stream.tell() % 4))
    return stream.getvalue()
