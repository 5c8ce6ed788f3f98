"""The guest's files, as lstat sees them: nothing on the way to one may be a symlink."""

from __future__ import annotations

import base64
import os
import stat
from typing import Any

LARGEST = 1 << 20
"""Bytes: no settings file is larger."""


class Refused(Exception):
    """What the guest is like forbids it (safety: no redirected write, no part of a job)."""


class Tree:
    """The guest's files, looked at with lstat, component by component."""

    def __init__(self, g: Any) -> None:
        self.g = g
        self.folders: set[str] = set()
        """Known to be folders. No edit ever makes them anything else."""

    def lstat(self, path: str) -> dict[str, int] | None:
        """None if it is not there. Raises Refused if something above it is no folder."""
        check_spelling(path)
        above = "/"
        *parents, last = path.strip("/").split("/")
        for name in parents:
            folder, above = above, os.path.join(above, name)
            if above in self.folders:
                continue
            facts = self._one(folder, name)
            if facts is None:
                return None
            if not stat.S_ISDIR(facts["st_mode"]):
                raise Refused(above)
            self.folders.add(above)
        return self._one(above, last)

    def _one(self, folder: str, name: str) -> dict[str, int] | None:
        facts: dict[str, int] = self.g.lstatnslist(folder, [name])[0]
        return None if facts["st_ino"] == -1 else facts

    def file(self, path: str) -> dict[str, Any] | None:
        """What the other side is told of a path; None: it is absent."""
        try:
            facts = self.lstat(path)
        except Refused as where:
            return {"kind": "redirected", "target": str(where)}
        if facts is None:
            return None
        found: dict[str, Any] = {
            "kind": kind_of(facts["st_mode"]), "mode": stat.S_IMODE(facts["st_mode"]),
            "uid": facts["st_uid"], "gid": facts["st_gid"],
        }
        if found["kind"] == "symlink":
            found["target"] = self.g.readlink(path)
        if found["kind"] == "file":
            found["refused"] = why_refused(facts)
            if not found["refused"]:
                # One message: read_file opens a stream, which takes twenty times as long.
                content = self.g.pread(path, facts["st_size"], 0) if facts["st_size"] else b""
                found["content"] = base64.b64encode(content).decode()
        return found


def check_spelling(path: str) -> None:
    """A home in a guest's passwd may say anything."""
    parts = path.split("/")
    if parts[0] or any(part in ("", ".", "..") for part in parts[1:]) or "\0" in path:
        raise Refused(f"{path!r} is no plain absolute path")


def why_refused(facts: dict[str, int]) -> str:
    if facts["st_nlink"] != 1:
        return f"it has {facts['st_nlink']} hard links, and the others would stay as they are"
    return "it is larger than 1 MiB" if facts["st_size"] > LARGEST else ""


def kind_of(mode: int) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink"}
    return kinds.get(stat.S_IFMT(mode), "special file")
