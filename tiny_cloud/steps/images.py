"""Steps that fill disk images."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import field

from tiny_cloud import luks
from tiny_cloud.steps.base import Step


class Fetch(Step, frozen=True):
    """Download to ``to`` (resumed if a part is there), hashing on the way."""

    url: str
    algorithm: str
    digest: str
    """Hexadecimal; empty when ``sums`` names a published sums file instead."""
    to: str
    sums: str = ""

    def shell(self) -> str:
        return shlex.join(["curl", "-fL", "-C", "-", "-o", self.to, self.url])


class ImportImage(Step, frozen=True):
    """Inspect a foreign image, refuse hostile ones, convert it to a standalone qcow2 at ``to``."""

    source: str
    format: str
    """What the manifest says it is; empty: what the inspector and qemu-img agree on."""
    to: str
    remove_source: bool = False
    digest: str = ""
    """``sha256:…`` that the source must have (it was computed when the plan was made)."""
    compression: str = ""
    """``zlib`` or ``zstd``; empty: it is not compressed."""

    def shell(self) -> str:
        form = ["-f", self.format] if self.format else []
        packed = ["-c", "-o", f"compression_type={self.compression}"] if self.compression else []
        return shlex.join(["qemu-img", "convert", "-p", *form, "-O", "qcow2", *packed, self.source,
                           self.to])


class Debootstrap(Step, frozen=True):
    """Build a bootable disk from Debian packages: mmdebstrap, then GRUB in an appliance."""

    suite: str
    packages: tuple[str, ...]
    mirror: str
    size: int
    """Bytes of the disk made."""
    to: str
    compression: str = ""

    def shell(self) -> str:
        argv = ["mmdebstrap", "--variant=minbase", f"--include={','.join(self.packages)}",
                self.suite, f"{self.to}.tar", *([self.mirror] if self.mirror else [])]
        return (f"{shlex.join(argv)}  # then, in a libguestfs appliance: partition, mkfs.ext4, "
                "tar-in, grub-install, update-grub")


class CreateDisk(Step, frozen=True):
    """``qemu-img create``, which would accept an overlay smaller than its base: we do not."""

    to: str
    format: str
    size: int | None
    """Bytes; None: as large as the base."""
    backing: str = ""
    backing_format: str = ""
    options: tuple[str, ...] = ()
    """Words of ``-o``: ``cluster_size=65536``."""
    secret: Mapping[str, Any] | None = None
    """The reference to its LUKS key; None: it is not encrypted."""

    def shell(self) -> str:
        options = ["-o", ",".join(self.options)] if self.options else []
        base = ["-b", self.backing, "-F", self.backing_format] if self.backing else []
        size = [str(self.size)] if self.size else []
        key = [*luks.KEY, *luks.creation(self.format)] if self.secret else []
        argv = ("qemu-img", "create", "-f", self.format, *key, *options, *base, self.to, *size)
        return luks.typed(argv, self.secret) if self.secret else shlex.join(argv)


class ExtractKernel(Step, frozen=True):
    """Take the newest kernel and its initial ramdisk out of an image, through libguestfs, reading
    only. Both are left stamped as parts: which kernel it is shows only now, and goes into the
    stamps."""

    image: str
    format: str
    kernel: str
    """The final names; ``….part`` is what is made here."""
    initrd: str
    cloud: str
    address: str

    def shell(self) -> str:
        argv = ["virt-get-kernel", f"--format={self.format}", "-a", self.image, "-o",
                self.kernel.rpartition("/")[0]]
        return shlex.join(argv)


class PrepareImage(Step, frozen=True):
    """Write settings into an image that is not published yet, and take out what a machine left."""

    address: str
    disk: str
    format: str
    settings: Mapping[str, Any]
    """The Image's ``guest``; secrets are references."""
    sysprep: tuple[str, ...]
    """Operations by virt-sysprep's names."""

    def shell(self) -> str:
        removal = shlex.join(["virt-sysprep", f"--format={self.format}", "-a", self.disk,
                              "--operations", ",".join(self.sysprep)])
        return f"{removal}  # and the settings of {self.address}" if self.settings else removal


class EditGuest(Step, frozen=True):
    """Write settings into the system on a disk nobody uses, through libguestfs, and record them."""

    address: str
    """The guest's: its record is written by this step, with the crypt hashes it made."""
    disk: str
    format: str
    settings: Mapping[str, Any]
    """The Guest's spec, with interfaces completed (MAC, prefix); secrets are references."""
    fresh: bool
    """The disk has never booted: machine-id, host keys and the random seed are made anew."""
    record: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    """The settings that were written last time, so that those declared no more are undone."""
    secret: Mapping[str, Any] | None = None
    """The reference to the disk's LUKS key; None: it is not encrypted."""
    base: str = ""
    """The image that a new disk is an overlay of; empty: it is none, or nobody but its own
    appliance may read it."""
    base_format: str = ""

    @property
    def batch(self) -> str:
        return f"guests on {self.base}" if self.base else ""

    def shell(self) -> str:
        return f"# libguestfs: write {self.address} into {shlex.quote(self.disk)}"


class RecallGuest(Step, frozen=True):
    """Make a guest's lost record anew, of what a look inside its disk finds as declared."""

    edit: EditGuest
    """What is looked for; not a byte is written."""

    def shell(self) -> str:
        return f"# libguestfs: read {self.edit.address} in {shlex.quote(self.edit.disk)}"
