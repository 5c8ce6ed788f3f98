"""Steps of LVM's volumes. All of them name a volume by its path, ``/dev/VG/LV``, as LVM's tools do.

LVM rounds sizes up to whole extents by itself; a size is bytes or a share such as ``20%VG``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import field

from tiny_cloud import luks
from tiny_cloud.steps.base import Step


def sized(size: int | str) -> tuple[str, str]:
    """How lvcreate(8) and lvextend(8) are told a size."""
    return ("--extents", size) if isinstance(size, str) else ("--size", f"{size}b")


class CreateVolume(Step, frozen=True):
    """``lvcreate``, with the tags that say whose it is and that it is not finished."""

    path: str
    type: str
    """linear, striped, thin-pool, thin or snapshot; a snapshot of a thin volume is thin."""
    size: int | str | None
    """None: that of the origin."""
    stripes: int | None = None
    pool: str = ""
    """Name of the thin pool."""
    origin: str = ""
    """Name of the volume that it is a snapshot of."""
    tags: tuple[str, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        group, _, name = self.path.removeprefix("/dev/").partition("/")
        tags = [word for tag in self.tags for word in ("--addtag", tag)]
        said = ["lvcreate", "--yes", "--quiet", "--name", name, *tags]
        if self.origin:
            # Thin snapshots are skipped when a group is activated, unless told otherwise.
            said += ["--snapshot", "--setactivationskip", "n"]
            room = sized(self.size) if self.size is not None and self.type == "snapshot" else ()
            return (*said, *room, f"{group}/{self.origin}")
        said += ["--type", self.type]
        if self.type == "thin":
            return (*said, "--virtualsize", f"{self.size}b", "--thinpool", self.pool, group)
        if self.stripes is not None:
            said += ["--stripes", str(self.stripes)]
        if self.type == "thin-pool":
            said += ["--zero", "y"]
        return (*said, *(sized(self.size) if self.size is not None else ()), group)

    def shell(self) -> str:
        return shlex.join(self.argv)


class EncryptVolume(Step, frozen=True):
    """Write a LUKS header into a new volume; what the guest sees is all that lies behind it."""

    path: str
    secret: Mapping[str, Any]
    """The reference to its key."""

    @property
    def argv(self) -> tuple[str, ...]:
        # Of a device qemu takes what there is, whatever size it is told.
        return ("qemu-img", "create", "-q", "-f", "luks", *luks.KEY, *luks.creation("luks"),
                self.path, "0")

    def shell(self) -> str:
        return luks.typed(self.argv, self.secret)


class FillVolume(Step, frozen=True):
    """Write an image into a new volume."""

    path: str
    source: str
    format: str
    zeroed: bool = False
    """What is not written reads as zeros, so that nothing is taken for them."""
    secret: Mapping[str, Any] | None = None
    """The reference to the key of one that is encrypted."""

    @property
    def argv(self) -> tuple[str, ...]:
        # What convert writes is flushed to the device only in this cache mode (qemu-img(1)), and
        # nobody can publish a volume as a file is published.
        copy = ("qemu-img", "convert", "-p", "-n", "-t", "writeback")
        if self.secret:
            return (*copy, *luks.KEY, "-f", self.format, "--target-image-opts",
                    self.source, luks.named(self.path, "luks"))
        zero = ["--target-is-zero"] if self.zeroed else []
        return (*copy, *zero, "-f", self.format, "-O", "raw", self.source, self.path)

    def shell(self) -> str:
        return luks.typed(self.argv, self.secret) if self.secret else shlex.join(self.argv)


class GrowVolume(Step, frozen=True):
    """One that has the size already is fine; none is ever made smaller."""

    path: str
    size: int
    """Bytes, in whole extents."""

    @property
    def argv(self) -> tuple[str, ...]:
        return ("lvextend", "--quiet", *sized(self.size), self.path)

    def shell(self) -> str:
        return shlex.join(self.argv)


class StampVolume(Step, frozen=True):
    """Mark a volume as ours and finished: cloud, address and the very object (its UUID)."""

    path: str
    cloud: str
    address: str
    extra: Mapping[str, str] = field(default_factory=dict)
    new: bool = False
    """Of ours it has the tags that it was created with."""

    def shell(self) -> str:
        return f"# tag {shlex.quote(self.path)} as {self.cloud} {self.address}, finished"


class RenameVolume(Step, frozen=True):
    """Never over another one. One that is not there was renamed by an apply that was cut off."""

    path: str
    to: str

    def shell(self) -> str:
        return shlex.join(["lvrename", self.path, self.to])


class TrashVolume(Step, frozen=True):
    """Rename and tag it; ``purge`` is what really removes."""

    path: str
    trash: str

    def shell(self) -> str:
        return shlex.join(["lvrename", self.path, self.trash])


class RemoveVolume(Step, frozen=True):
    """Remove what an apply that was cut off has left unfinished; absent is fine."""

    path: str
    cloud: str

    def shell(self) -> str:
        return shlex.join(["lvremove", "--yes", self.path])
