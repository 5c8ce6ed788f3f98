"""Steps that make, publish and remove files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tiny_cloud.steps.base import Step


@dataclass(frozen=True, slots=True)
class MakeFolder(Step):
    path: str
    mode: int

    def shell(self) -> str:
        return f"install -d -m {self.mode:o} {shlex.quote(self.path)}"


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
class Rename(Step):
    """A file of ours gets another name, with its stamp; never over an existing file. One that is
    not there was moved before, by an apply that was cut off."""

    path: str
    to: str

    def shell(self) -> str:
        return f"mv --no-clobber {shlex.quote(self.path)} {shlex.quote(self.to)}"


@dataclass(frozen=True, slots=True)
class MoveRecord(Step):
    """What was recorded of a thing goes on under another name; ``changes`` replace parts of it."""

    address: str
    to: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def shell(self) -> str:
        return f"# the record of {self.address} becomes that of {self.to}"
