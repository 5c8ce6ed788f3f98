"""libguestfs's calls over a plain folder: the worker's rules are tried without an appliance."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from pathlib import Path


class FolderGuest:
    """Paths are inside ``root``. Ownership is remembered, so that no test needs to be root."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.calls: list[str] = []
        self.owners: dict[str, tuple[int, int]] = {}
        self.fail_at = ""

    def at(self, path: str) -> str:
        return self.root + path

    def note(self, call: str) -> None:
        self.calls.append(call)
        if call.split()[0] == self.fail_at:
            raise RuntimeError(f"{call}: no space left on device")

    def lstatnslist(self, folder: str, names: list[str]) -> list[dict[str, int]]:
        return [self.lstat(os.path.join(folder, name)) for name in names]

    def lstat(self, path: str) -> dict[str, int]:
        try:
            facts = os.lstat(self.at(path))
        except FileNotFoundError:
            return {"st_ino": -1}
        uid, gid = self.owners.get(path, (0, 0))
        return {"st_ino": facts.st_ino, "st_mode": facts.st_mode, "st_size": facts.st_size,
                "st_nlink": facts.st_nlink, "st_uid": uid, "st_gid": gid}

    def ls(self, folder: str) -> list[str]:
        return sorted(os.listdir(self.at(folder)))

    def download(self, path: str, to: str) -> None:
        shutil.copyfile(self.at(path), to)

    def readlink(self, path: str) -> str:
        return os.readlink(self.at(path))

    def read_file(self, path: str) -> bytes:
        return Path(self.at(path)).read_bytes()

    def pread(self, path: str, count: int, offset: int) -> bytes:
        return self.read_file(path)[offset:offset + count]

    def glob_expand(self, pattern: str, directoryslash: bool) -> list[str]:
        return sorted(path.removeprefix(self.root) for path in glob.glob(self.at(pattern)))

    def mktemp(self, template: str) -> str:
        folder, name = os.path.split(self.at(template))
        handle, path = tempfile.mkstemp(prefix=name.rstrip("X"), dir=folder)
        os.close(handle)
        # mkstemp adds eight characters, mktemp(3) replaces the template's six.
        short = path[:-2]
        os.rename(path, short)
        return short.removeprefix(self.root)

    def write(self, path: str, content: bytes) -> None:
        self.note("write")
        Path(self.at(path)).write_bytes(content)

    def copy_attributes(self, source: str, target: str, all: bool) -> None:
        assert all
        self.note(f"attributes {source}")
        shutil.copymode(self.at(source), self.at(target))

    def lsetxattr(self, name: str, value: str, length: int, path: str) -> None:
        assert (name, len(value)) == ("security.selinux", length)
        self.note(f"label {value} {path}")

    def lchown(self, uid: int, gid: int, path: str) -> None:
        self.owners[path] = (uid, gid)

    def chmod(self, mode: int, path: str) -> None:
        os.chmod(self.at(path), mode)

    def mkdir_mode(self, path: str, mode: int) -> None:
        os.mkdir(self.at(path), mode)

    def ln_s(self, target: str, path: str) -> None:
        os.symlink(target, self.at(path))

    def rm(self, path: str) -> None:
        os.unlink(self.at(path))

    def rm_f(self, path: str) -> None:
        Path(self.at(path)).unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> None:
        self.note(f"rename {new}")
        os.rename(self.at(old), self.at(new))
        self.owners[new] = self.owners.pop(old, (0, 0))

    def sync(self) -> None:
        self.note("sync")
