"""Steps that change what a disk stands on, or make a base of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tiny_cloud.steps.base import Step
from tiny_cloud.steps.files import Stamp

NO_KEY = f"-{'0' * 12}.qcow2.part"
"""How the name of an image ends that is being made of a disk: its key is not known yet."""


class RebaseDisk(Step, frozen=True):
    """A disk that nobody uses stands on another base, or on none; its content stays the same.

    It is done on a copy, compared with the disk, which then takes its place at once: rename(2). A
    kill leaves the disk as it was and a part, or all of it done."""

    path: str
    format: str
    backing: str
    """Absolute path of the new base; empty: it stands alone then."""
    backing_format: str
    stamp: Stamp
    """Of the copy: it is another file."""

    def shell(self) -> str:
        form = ["-f", self.format]
        base = ["-b", self.backing, *(["-F", self.backing_format] if self.backing else [])]
        return "\n".join(map(shlex.join, (
            ["cp", "--reflink=auto", "--sparse=always", self.path, self.stamp.path],
            ["qemu-img", "rebase", *form, *base, self.stamp.path],
            ["qemu-img", "compare", *form, "-F", self.format, self.path, self.stamp.path],
            ["mv", self.stamp.path, self.path])))


class CommitDisk(Step, frozen=True):
    """All that a disk shows becomes a base image of its own, published as FOLDER/NAME-KEY.qcow2 and
    recorded: its key is made of its content, which shows only now."""

    path: str
    format: str
    folder: str
    name: str
    cloud: str
    record: Mapping[str, Any]
    """The image's, as far as it is known before: its source and key are not."""

    @property
    def part(self) -> str:
        return f"{self.folder}/{self.name}{NO_KEY}"

    def shell(self) -> str:
        final = f"{self.folder}/{self.name}-KEY.qcow2"
        return "\n".join((
            shlex.join(["qemu-img", "convert", "-f", self.format, "-O", "qcow2", self.path,
                        self.part]),
            f"{shlex.join(['mv', '--no-clobber', self.part, final])}  # KEY: of its sha256"))
