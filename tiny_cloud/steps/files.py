"""Steps that make, publish and remove files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import field

from tiny_cloud.steps.base import Step


class MakeFolder(Step, frozen=True):
    path: str
    mode: int

    def shell(self) -> str:
        return f"install -d -m {self.mode:o} {shlex.quote(self.path)}"


class Stamp(Step, frozen=True):
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


class Publish(Step, frozen=True):
    """fsync, mode, final name, fsync of the folder; never over an existing file."""

    part: str
    final: str
    mode: int

    def shell(self) -> str:
        return f"mv --no-clobber {shlex.quote(self.part)} {shlex.quote(self.final)}"


class Trash(Step, frozen=True):
    """Move a file into the trash folder; ``purge`` is what really deletes."""

    path: str
    trash: str

    def shell(self) -> str:
        return f"mv {shlex.quote(self.path)} {shlex.quote(self.trash)}"


class Remove(Step, frozen=True):
    """Delete a file that holds nobody's data (a console log, a part); absent is fine."""

    path: str

    def shell(self) -> str:
        return f"rm -f {shlex.quote(self.path)}"


class WriteRecord(Step, frozen=True):
    """Keep what was declared, atomically and 0600: STORAGE/records/KIND-NAME.json."""

    address: str
    record: Mapping[str, Any]

    def shell(self) -> str:
        return f"# record {self.address}"


class DropRecord(Step, frozen=True):
    address: str

    def shell(self) -> str:
        return f"# drop the record of {self.address}"


class Rename(Step, frozen=True):
    """A file of ours gets another name, with its stamp; never over an existing file. One that is
    not there was moved before, by an apply that was cut off."""

    path: str
    to: str

    def shell(self) -> str:
        return f"mv --no-clobber {shlex.quote(self.path)} {shlex.quote(self.to)}"


class MoveRecord(Step, frozen=True):
    """What was recorded of a thing goes on under another name; ``changes`` replace parts of it."""

    address: str
    to: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def shell(self) -> str:
        return f"# the record of {self.address} becomes that of {self.to}"
