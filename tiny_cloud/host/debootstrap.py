"""Build a bootable disk from a distribution's packages, with no image server and no loop device.

mmdebstrap makes the tree, mke2fs puts it into a file system inside the disk's file, and an
appliance only partitions the disk and runs the tree's own grub-install and update-grub: under
software emulation that saves the half minute which unpacking inside the appliance takes.
"""

from __future__ import annotations

import json
import os
import platform
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.events import Amount
from tiny_cloud.host import debian_base, qemu_img
from tiny_cloud.host.command import require, run
from tiny_cloud.host.image_worker import OLD_GRUB
from tiny_cloud.host.space import require_space
from tiny_cloud.steps import Debootstrap

MIB = 1 << 20
START = 2 * MIB
"""Where the root begins: behind the MiB that partitioning tools keep free, and GRUB's own."""
BACKUP = 1 * MIB
"""Left free at the end, for the second copy of the partition table."""
SCRATCH = 2 << 30
"""Bytes that the packages, the tree and the disk of a small system take together, roughly."""
SMALLEST = 768 * MIB

BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
"""Partition type where GRUB keeps its core on a GPT disk without EFI."""
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"

LATER = {"INITRD": "No"}
"""Installing the kernel would make its initial RAM disk, and the packages after it once more."""
INITRD = 'chroot "$1" sh -c "! command -v update-initramfs >&2 || update-initramfs -c -k all"'
"""Another maker of RAM disks does not wait for this."""

INSTALL = (("grub-install", "--target=i386-pc", "DISK"), ("update-grub",))


def build(
    step: Debootstrap,
    progress: Progress | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> None:
    """Makes the qcow2 ``step.to``. Raises Failure, and leaves nothing behind then.

    ``environ`` is for libguestfs (its back end); ``progress`` gets a word for each phase.
    """
    say = progress or _ignore
    _check(step)
    raw = f"{step.to}.root"
    # An ordinary user's tree belongs to other user ids while it is a tree; a tar can be carried.
    tree = f"{step.to}.tree" if os.geteuid() == 0 else f"{step.to}.tar"
    identity = str(uuid.uuid4())
    try:
        _clean(step.to, pass_fds)
        say(f"installs {step.suite}", None)
        run(_mmdebstrap(step, tree), environ=LATER, pass_fds=pass_fds)
        say("makes the file system", None)
        _make_disk(raw, step.size, identity, tree, pass_fds)
        say("installs the boot loader", None)
        _finish(raw, step, identity, tree, environ or {}, pass_fds)
        packed = qemu_img.packed(step.compression)
        run(("qemu-img", "convert", "-p", "-f", "raw", "-O", "qcow2", *packed, "--", raw, step.to),
            progress=lambda done: say("converts", Amount.part(done, step.size)),
            pass_fds=pass_fds)
    except BaseException:
        qemu_img.remove(step.to)
        raise
    finally:
        _clean(step.to, pass_fds)


def _check(step: Debootstrap) -> None:
    if platform.machine() != "x86_64":
        raise Failure(f"images are built for x86_64 only, and this host is {platform.machine()}",
                      hint="take a published image instead: source.url")
    if step.size < SMALLEST:
        raise Failure(f"a disk of {step.size} bytes has no room for {step.suite}",
                      hint=f"ask for at least {SMALLEST >> 20}MiB")
    for tool in ("mmdebstrap", "mke2fs", "sfdisk", "qemu-img"):
        require(tool)
    require_space(step.to, SCRATCH, f"building {step.suite}")


def _mmdebstrap(step: Debootstrap, tree: str) -> tuple[str, ...]:
    root = os.geteuid() == 0
    return (
        "mmdebstrap", f"--mode={'root' if root else 'unshare'}",
        f"--format={'directory' if root else 'tar'}", "--variant=minbase",
        f"--include={','.join(debian_base.packages(step.packages))}",
        '--aptopt=Acquire::Languages "none"', f"--customize-hook={INITRD}", "--", step.suite, tree,
        # Without one mmdebstrap takes Debian's own, with updates and security.
        *((step.mirror,) if step.mirror else ()),
    )


def _make_disk(raw: str, size: int, identity: str, tree: str, pass_fds: Sequence[int]) -> None:
    """A sparse file with the root file system where its partition will be."""
    with open(raw, "xb") as disk:
        disk.truncate(size // MIB * MIB)
    run(("sfdisk", "--quiet", "--no-reread", "--", raw), input=_table(size).encode(),
        pass_fds=pass_fds)
    if tree.endswith(".tar"):
        return
    try:
        # The file is one hole, so nothing has to be zeroed, now or by the guest's first mount.
        run(("mke2fs", "-q", "-t", "ext4", "-U", identity, "-O", OLD_GRUB,
             "-E", f"offset={START},assume_storage_prezeroed=1", "-d", tree,
             raw, f"{_root_length(size) // 1024}k"), pass_fds=pass_fds)
    except Failure as failure:
        raise Failure(f"the packages do not fit on a disk of {size} bytes, or cannot be copied: "
                      f"{failure.summary}", hint="give the image a larger size",
                      detail=failure.detail) from failure


def _finish(
    raw: str,
    step: Debootstrap,
    identity: str,
    tree: str,
    environ: Mapping[str, str],
    pass_fds: Sequence[int],
) -> None:
    job = {
        "disk": raw,
        "tar": tree if tree.endswith(".tar") else "",
        "uuid": identity,
        "files": debian_base.files(step.packages, identity),
        "remove": debian_base.REMOVED,
        "commands": INSTALL,
    }
    worker = str(Path(__file__).with_name("image_worker.py"))
    run(("/usr/bin/python3", "-I", worker), input=json.dumps(job).encode(), environ=environ,
        pass_fds=pass_fds)


def _table(size: int) -> str:
    """For sfdisk(8). The root comes last, so that it can grow with the disk."""
    first, length = START // 512, _root_length(size) // 512
    return (f"label: gpt\nstart=2048, size={first - 2048}, type={BIOS_BOOT}\n"
            f"start={first}, size={length}, type={LINUX}\n")


def _root_length(size: int) -> int:
    return size // MIB * MIB - START - BACKUP


def _clean(to: str, pass_fds: Sequence[int]) -> None:
    """Remove the scratch of this run, or of one that was killed."""
    for ending in (".root", ".tar"):
        qemu_img.remove(to + ending)
    if os.path.lexists(f"{to}.tree"):
        # A killed mmdebstrap may have had /dev and /proc mounted in there.
        run(("rm", "-rf", "--one-file-system", "--", f"{to}.tree"), pass_fds=pass_fds)


def _ignore(_phase: str, _amount: Amount | None) -> None:
    return
