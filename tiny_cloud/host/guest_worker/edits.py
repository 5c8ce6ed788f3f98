"""Edits of a guest's files: all of them or none, and each old file whole or each new one."""

from __future__ import annotations

import base64
import os
import stat
from typing import Any

from . import hive
from .tree import Refused, Tree, kind_of, why_refused

TEMPLATE = ".tinycloudXXXXXX"


class Edits:
    """Applies a list of edits: everything is checked, then staged and synced, then renamed.

    The renames are written back with all else when the appliance is shut down, which says if not.
    """

    def __init__(self, g: Any, edits: list[dict[str, Any]]) -> None:
        self.g = g
        self.tree = Tree(g)
        self.edits = [*(edit for edit in edits if edit["do"] != "value"), *_hives(edits)]
        self.staged: list[tuple[str, str]] = []

    def apply(self) -> int:
        self._check()
        self._sweep()
        try:
            for edit in self.edits:
                {"write": self._write, "folder": self._folder,
                 "symlink": self._symlink, "remove": self._nothing,
                 "hive": self._hive}[edit["do"]](edit)
            # Before the renames: a kill may leave the old file or the new one, never an empty one.
            self.g.sync()
        except BaseException:
            for temporary, _ in self.staged:
                self.g.rm_f(temporary)
            raise
        for temporary, path in self.staged:
            self.g.rename(temporary, path)
        for edit in self.edits:
            if edit["do"] == "remove":
                self.g.rm_f(edit["path"])
            elif edit["do"] == "folder" and edit["ours"]:
                self._own(edit)
        return len(self.edits)

    def _check(self) -> None:
        """All of them, before any is begun."""
        made = {edit["path"] for edit in self.edits if edit["do"] == "folder"}
        for edit in self.edits:
            path = edit["path"]
            try:
                facts = self.tree.lstat(path)
                parent = self.tree.lstat(os.path.dirname(path)) if path.count("/") > 1 else None
            except Refused as where:
                raise Refused(f"{path} cannot be edited: {where} is no plain folder") from None
            above = parent is not None or path.count("/") == 1 or os.path.dirname(path) in made
            if not above and edit["do"] != "remove":
                raise Refused(f"{path} cannot be made: there is no folder for it")
            if facts is not None:
                check_target(edit["do"], path, facts)

    def _sweep(self) -> None:
        """Leftovers of a run that was killed; unlink follows no symlink."""
        pattern = TEMPLATE.replace("X", "?")
        for folder in sorted({os.path.dirname(edit["path"]) for edit in self.edits}):
            for path in self.g.glob_expand(os.path.join(folder, pattern), directoryslash=False):
                facts = self.tree.lstat(path)
                if facts is not None and not stat.S_ISDIR(facts["st_mode"]):
                    self.g.rm_f(path)

    def _write(self, edit: dict[str, Any]) -> None:
        path = edit["path"]
        temporary = self._temporary(path)
        self.g.write(temporary, base64.b64decode(edit["content"]))
        old = self.tree.lstat(path)
        if old is not None:
            # Mode, owner and every extended attribute: the SELinux label is one of them.
            self.g.copy_attributes(path, temporary, all=True)
        else:
            self._label(edit, temporary)
        before = old or {"st_mode": 0o644, "st_uid": 0, "st_gid": 0}
        given = [edit["uid"], edit["gid"], edit["mode"]]
        kept = [before["st_uid"], before["st_gid"], stat.S_IMODE(before["st_mode"])]
        uid, gid, mode = (was if new is None else new
                          for new, was in zip(given, kept))  # noqa: B905 (no strict= in 3.9)
        # chown takes the set-id bits away, so the mode comes after it.
        self.g.lchown(uid, gid, temporary)
        self.g.chmod(mode, temporary)

    def _hive(self, edit: dict[str, Any]) -> None:
        """mktemp's mode, 0600, is what Windows gives a hive: Administrators and SYSTEM alone."""
        temporary = self._temporary(edit["path"])
        self.g.copy_file_to_file(edit["path"], temporary)
        hive.write(self.g, temporary, edit["values"])

    def _folder(self, edit: dict[str, Any]) -> None:
        path = edit["path"]
        if self.tree.lstat(path) is None:
            self.g.mkdir_mode(path, 0o700)
            self._label(edit, path)
            self._own(edit)

    def _own(self, edit: dict[str, Any]) -> None:
        self.g.lchown(edit["uid"], edit["gid"], edit["path"])
        self.g.chmod(edit["mode"], edit["path"])

    def _symlink(self, edit: dict[str, Any]) -> None:
        temporary = self._temporary(edit["path"])
        self.g.rm(temporary)
        self.g.ln_s(edit["target"], temporary)
        self._label(edit, temporary)
        self.g.lchown(edit["uid"], edit["gid"], temporary)

    def _label(self, edit: dict[str, Any], path: str) -> None:
        """SELinux's, of what is new."""
        label = edit.get("label")
        if label:
            self.g.lsetxattr("security.selinux", label, len(label), path)

    def _nothing(self, edit: dict[str, Any]) -> None:
        """Files go only once the new ones are in their places."""

    def _temporary(self, path: str) -> str:
        made: str = self.g.mktemp(os.path.join(os.path.dirname(path), TEMPLATE))
        self.staged.append((made, path))
        return made


def _hives(edits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The values, by the file that they are in."""
    found: dict[str, list[dict[str, Any]]] = {}
    for edit in edits:
        if edit["do"] == "value":
            found.setdefault(hive.split(edit["path"])[0], []).append(edit)
    return [{"do": "hive", "path": path, "values": values} for path, values in found.items()]


def check_target(do: str, path: str, facts: dict[str, int]) -> None:
    kind = kind_of(facts["st_mode"])
    if do == "hive":
        if kind != "file" or facts["st_nlink"] != 1:
            raise Refused(f"{path} cannot be edited: it is no file of its own")
    elif do == "folder":
        if kind != "folder":
            raise Refused(f"{path} cannot be a folder: it is a {kind}")
    elif do == "write" and kind == "file":
        why = why_refused(facts)
        if why:
            raise Refused(f"{path} cannot be edited: {why}")
    elif kind not in (("file",) if do == "write" else ("file", "symlink")):
        raise Refused(f"{path} cannot be edited: it is no regular file but a {kind}")
