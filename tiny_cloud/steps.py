"""Steps are data: the plan shows exactly what apply runs, and a test compares lists.

Each step says with ``shell`` what a person would type to the same end (``plan --commands``). A step
never holds a secret: it refers to one, and the host resolves it when the step runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Step:
    """The base of all steps. Steps with equal, non-empty ``batch`` may be executed together."""

    batch: ClassVar[str] = ""

    def shell(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Run(Step):
    """Run a command to its end; a non-zero exit is a failure that quotes its stderr."""

    argv: tuple[str, ...]

    def shell(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class MakeFolder(Step):
    path: str
    mode: int

    def shell(self) -> str:
        return f"install -d -m {self.mode:o} {shlex.quote(self.path)}"


@dataclass(frozen=True, slots=True)
class Fetch(Step):
    """Download to ``to`` (resumed if a part is there), hashing on the way."""

    url: str
    algorithm: str
    digest: str
    """Hexadecimal; empty when ``sums`` names a published sums file instead."""
    to: str
    sums: str = ""

    def shell(self) -> str:
        return shlex.join(["curl", "-fL", "-C", "-", "-o", self.to, self.url])


@dataclass(frozen=True, slots=True)
class ImportImage(Step):
    """Inspect a foreign image, refuse hostile ones, convert it to a standalone qcow2 at ``to``."""

    source: str
    format: str
    """What the manifest says it is; empty: what the inspector and qemu-img agree on."""
    to: str
    remove_source: bool = False
    digest: str = ""
    """``sha256:…`` that the source must have (it was computed when the plan was made)."""

    def shell(self) -> str:
        form = ["-f", self.format] if self.format else []
        return shlex.join(["qemu-img", "convert", "-p", *form, "-O", "qcow2", self.source, self.to])


@dataclass(frozen=True, slots=True)
class Debootstrap(Step):
    """Build a bootable disk from Debian packages: mmdebstrap, then GRUB in an appliance."""

    suite: str
    packages: tuple[str, ...]
    mirror: str
    size: int
    """Bytes of the disk made."""
    to: str

    def shell(self) -> str:
        argv = ["mmdebstrap", "--variant=minbase", f"--include={','.join(self.packages)}",
                self.suite, f"{self.to}.tar", *([self.mirror] if self.mirror else [])]
        return (f"{shlex.join(argv)}  # then, in a libguestfs appliance: partition, mkfs.ext4, "
                "tar-in, grub-install, update-grub")


@dataclass(frozen=True, slots=True)
class CreateDisk(Step):
    """``qemu-img create``, which would accept an overlay smaller than its base: we do not."""

    to: str
    format: str
    size: int | None
    """Bytes; None: as large as the base."""
    backing: str = ""
    backing_format: str = ""

    def shell(self) -> str:
        base = ["-b", self.backing, "-F", self.backing_format] if self.backing else []
        size = [str(self.size)] if self.size else []
        return shlex.join(["qemu-img", "create", "-f", self.format, *base, self.to, *size])


@dataclass(frozen=True, slots=True)
class Stamp(Step):
    """Mark a file as ours: cloud, address and the very object (final path and inode)."""

    path: str
    """The file as it is named now (``….part``)."""
    final: str
    cloud: str
    address: str
    extra: Mapping[str, str] = field(default_factory=dict)
    immutable: bool = False
    """Size, mtime and content digest go into the stamp: a later change behind our back shows."""

    def shell(self) -> str:
        return f"# stamp {shlex.quote(self.path)} as {self.cloud} {self.address}"


@dataclass(frozen=True, slots=True)
class Publish(Step):
    """fsync, mode, final name, fsync of the folder; never over an existing file."""

    part: str
    final: str
    mode: int

    def shell(self) -> str:
        return f"mv --no-clobber {shlex.quote(self.part)} {shlex.quote(self.final)}"


@dataclass(frozen=True, slots=True)
class Rename(Step):
    """A file of ours gets another name, with its stamp; never over an existing file. One that is
    not there was moved before, by an apply that was cut off."""

    path: str
    to: str

    def shell(self) -> str:
        return f"mv --no-clobber {shlex.quote(self.path)} {shlex.quote(self.to)}"


@dataclass(frozen=True, slots=True)
class Trash(Step):
    """Move a file into the trash folder; ``purge`` is what really deletes."""

    path: str
    trash: str

    def shell(self) -> str:
        return f"mv {shlex.quote(self.path)} {shlex.quote(self.trash)}"


@dataclass(frozen=True, slots=True)
class Remove(Step):
    """Delete a file that holds nobody's data (a console log, a part); absent is fine."""

    path: str

    def shell(self) -> str:
        return f"rm -f {shlex.quote(self.path)}"


@dataclass(frozen=True, slots=True)
class WriteRecord(Step):
    """Keep what was declared, atomically and 0600: STORAGE/records/KIND-NAME.json."""

    address: str
    record: Mapping[str, Any]

    def shell(self) -> str:
        return f"# record {self.address}"


@dataclass(frozen=True, slots=True)
class DropRecord(Step):
    address: str

    def shell(self) -> str:
        return f"# drop the record of {self.address}"


@dataclass(frozen=True, slots=True)
class MoveRecord(Step):
    """What was recorded of a thing goes on under another name; ``changes`` replace parts of it."""

    address: str
    to: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def shell(self) -> str:
        return f"# the record of {self.address} becomes that of {self.to}"


@dataclass(frozen=True, slots=True)
class Define(Step):
    """Define a domain. ``accel`` auto: the executor's probe decides the domain type and CPU."""

    name: str
    xml: str
    accel: str = ""
    """auto, kvm or tcg for a new domain; empty: the XML says it already."""

    def shell(self) -> str:
        return f"virsh define /dev/stdin <<'EOF'\n{self.xml.rstrip()}\nEOF"


@dataclass(frozen=True, slots=True)
class RenameDomain(Step):
    """Only while it is off. One that is not there was renamed before."""

    name: str
    to: str

    def shell(self) -> str:
        return shlex.join(["virsh", "domrename", self.name, self.to])


@dataclass(frozen=True, slots=True)
class Autostart(Step):
    name: str
    on: bool

    def shell(self) -> str:
        return shlex.join(["virsh", "autostart", *([] if self.on else ["--disable"]), self.name])


@dataclass(frozen=True, slots=True)
class Start(Step):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "start", self.name])


@dataclass(frozen=True, slots=True)
class Shutdown(Step):
    """Ask the guest to power off and wait; ``force`` pulls the plug when it has not by then."""

    name: str
    timeout: int
    """Seconds."""
    force: bool = False

    def shell(self) -> str:
        command = shlex.join(["virsh", "shutdown", self.name])
        then = ", then virsh destroy" if self.force else ""
        return f"{command}  # waits {self.timeout} s{then}"


@dataclass(frozen=True, slots=True)
class Undefine(Step):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "undefine", "--nvram", self.name])


@dataclass(frozen=True, slots=True)
class BlockResize(Step):
    """Grow a disk under a running machine."""

    domain: str
    path: str
    size: int
    """Bytes."""

    def shell(self) -> str:
        return shlex.join(["virsh", "blockresize", self.domain, self.path, f"{self.size}B"])


@dataclass(frozen=True, slots=True)
class EditGuest(Step):
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

    def shell(self) -> str:
        return f"# libguestfs: write {self.address} into {shlex.quote(self.disk)}"
