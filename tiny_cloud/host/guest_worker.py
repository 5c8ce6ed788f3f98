"""Works inside a disk image through libguestfs: a program of its own, jobs in and results out.

It is run as ``/usr/bin/python3 -I guest_worker.py``, because libguestfs's binding comes with the
distribution's interpreter (Python 3.9 or later); so it imports nothing but the standard library and
guestfs, and is one file, which can be sent to another host as it is. One JSON object a line:
``{"op": NAME, …}`` in, ``{"ok": …}`` or ``{"error": TEXT, "code": WORD}`` out. *What* to write is
decided by the other side. When stdin ends, the appliance is shut down and the program exits.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO, Any

LARGEST = 1 << 20
"""Bytes: no settings file is larger."""
LARGEST_COPY = 1 << 30
"""Bytes: no kernel or initial ramdisk is larger."""
MOST = 1000
"""Paths that one glob may stand for."""
SECTOR = 512
SLACK = 8192
"""Sectors at the end of a disk that are not worth growing for: sgdisk leaves up to 4095 unused."""
TEMPLATE = ".tinycloudXXXXXX"


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
                found["content"] = base64.b64encode(self.g.read_file(path)).decode()
        return found


class Edits:
    """Applies a list of edits: everything is checked, then staged and synced, then renamed."""

    def __init__(self, g: Any, edits: list[dict[str, Any]]) -> None:
        self.g = g
        self.tree = Tree(g)
        self.edits = edits
        self.staged: list[tuple[str, str]] = []

    def apply(self) -> int:
        self._check()
        self._sweep()
        try:
            for edit in self.edits:
                {"write": self._write, "folder": self._folder,
                 "symlink": self._symlink, "remove": self._nothing}[edit["do"]](edit)
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
        self.g.sync()
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
        before = old or {"st_mode": 0o644, "st_uid": 0, "st_gid": 0}
        given = [edit["uid"], edit["gid"], edit["mode"]]
        kept = [before["st_uid"], before["st_gid"], stat.S_IMODE(before["st_mode"])]
        uid, gid, mode = (was if new is None else new
                          for new, was in zip(given, kept))  # noqa: B905 (no strict= in 3.9)
        # chown takes the set-id bits away, so the mode comes after it.
        self.g.lchown(uid, gid, temporary)
        self.g.chmod(mode, temporary)

    def _folder(self, edit: dict[str, Any]) -> None:
        path = edit["path"]
        if self.tree.lstat(path) is None:
            self.g.mkdir_mode(path, 0o700)
            self.g.lchown(edit["uid"], edit["gid"], path)
            self.g.chmod(edit["mode"], path)

    def _symlink(self, edit: dict[str, Any]) -> None:
        temporary = self._temporary(edit["path"])
        self.g.rm(temporary)
        self.g.ln_s(edit["target"], temporary)
        self.g.lchown(edit["uid"], edit["gid"], temporary)

    def _nothing(self, edit: dict[str, Any]) -> None:
        """Files go only once the new ones are in their places."""

    def _temporary(self, path: str) -> str:
        made: str = self.g.mktemp(os.path.join(os.path.dirname(path), TEMPLATE))
        self.staged.append((made, path))
        return made


class Export:
    """An encrypted disk, opened by qemu-nbd and served in the clear on a socket that only we can
    reach: libguestfs (1.48) has no way to give its qemu a key. It ends with us, however we end."""

    def __init__(self, options: list[str], key: str, readonly: bool) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="tinycloud-")
        self.path = os.path.join(self.folder.name, "disk")
        with os.fdopen(os.memfd_create("key"), "w+") as stdin:
            stdin.write(key)
            stdin.seek(0)
            # What is inheritable is the host lock: it is held as long as this one writes.
            self.child = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", "--", "qemu-nbd", "--persistent",
                 "--socket", self.path, *(["--read-only"] if readonly else []), *options),
                stdin=stdin, close_fds=False)
        while not self._serves():
            if self.child.poll() is not None:
                self.folder.cleanup()
                raise Refused("the encrypted disk does not open: another key, or it is in use")
            time.sleep(0.05)

    def _serves(self) -> bool:
        """It listens before it has opened the disk, which takes seconds (that is what LUKS makes a
        guess cost), and greets afterwards (the NBD protocol, "Newstyle negotiation")."""
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self.path)
                return client.recv(8) == b"NBDMAGIC"
            except (FileNotFoundError, ConnectionError):
                return False

    def close(self) -> None:
        """Write everything back."""
        self.child.terminate()
        code = self.child.wait()
        self.folder.cleanup()
        if code:
            raise RuntimeError(f"qemu-nbd failed ({code}) when it wrote everything back")


class Session:
    """One appliance, from open to shutdown."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.g: Any = None
        self.exports: list[Export] = []
        self.mounts: list[tuple[str, str]] = []
        self.readonly = True

    def open(self, drives: list[dict[str, Any]]) -> None:
        self.g = self.make()
        # A trace would print what is written, and passwords' hashes with it.
        self.g.set_trace(False)
        self.g.set_network(False)
        self.readonly = all(drive["readonly"] for drive in drives)
        for drive in drives:
            if "key" in drive:
                self._add_encrypted(**drive)
            else:
                self.g.add_drive_opts(drive["path"], format=drive["format"],
                                      readonly=drive["readonly"])
        self.g.launch()

    def _add_encrypted(self, options: list[str], key: str, readonly: bool) -> None:
        self.exports.append(Export(options, key, readonly))
        self.g.add_drive_opts("", format="raw", readonly=readonly, protocol="nbd",
                              server=[f"unix:{self.exports[-1].path}"])

    def inspect(self) -> dict[str, Any]:
        roots = [self._root(root) for root in self.g.inspect_os()]
        # Another scan of the whole disk, which only an error message needs.
        return {"roots": roots, "filesystems": {} if roots else self.g.list_filesystems()}

    def _root(self, root: str) -> dict[str, Any]:
        g = self.g
        return {
            "device": root, "type": g.inspect_get_type(root),
            "distro": g.inspect_get_distro(root), "product": g.inspect_get_product_name(root),
            "version": [g.inspect_get_major_version(root), g.inspect_get_minor_version(root)],
            "packages": g.inspect_get_package_format(root),
            "mountpoints": g.inspect_get_mountpoints(root),
        }

    def mount(self, mountpoints: dict[str, str]) -> dict[str, str]:
        """Mount point -> why it could not be mounted. Shorter paths first: / before /var."""
        failed = {}
        for place in sorted(mountpoints, key=lambda place: (len(place), place)):
            try:
                self._mount(mountpoints[place], place)
            except RuntimeError as error:
                failed[place] = str(error)
            else:
                self.mounts.append((mountpoints[place], place))
        return failed

    def _mount(self, device: str, place: str) -> None:
        # What is on the disk can carry neither programs nor devices into the appliance's kernel.
        self.g.mount_options(f"{'ro' if self.readonly else 'rw'},nodev,nosuid", device, place)

    def look(self, paths: list[str]) -> dict[str, Any]:
        tree = Tree(self.g)
        found = {}
        for pattern in paths:
            for path in self._named(pattern):
                file = tree.file(path)
                if file is not None:
                    found[path] = file
        return found

    def _named(self, pattern: str) -> list[str]:
        check_spelling(pattern)
        if not any(char in pattern for char in "*?["):
            return [pattern]
        matched: list[str] = self.g.glob_expand(pattern, directoryslash=False)
        names = [name for name in matched if os.path.basename(name) not in (".", "..")]
        if len(names) > MOST:
            raise Refused(f"the guest has {len(names)} files {pattern}, far more than a system has")
        return names

    def sizes(self, folder: str) -> dict[str, int]:
        """The plain files in a folder, by name, and their bytes."""
        above = Tree(self.g).lstat(folder)
        if above is None or not stat.S_ISDIR(above["st_mode"]):
            return {}
        names = self.g.ls(folder)
        if len(names) > MOST:
            raise Refused(f"the guest has {len(names)} files in {folder}")
        facts = self.g.lstatnslist(folder, names)
        return {name: one["st_size"] for name, one in zip(names, facts)  # noqa: B905 (3.9)
                if one["st_ino"] != -1 and stat.S_ISREG(one["st_mode"])}

    def download(self, path: str, to: str) -> None:
        """``to`` is a path of the host."""
        facts = Tree(self.g).lstat(path)
        if facts is None or not stat.S_ISREG(facts["st_mode"]):
            raise Refused(f"{path} is no regular file")
        if facts["st_size"] > LARGEST_COPY:
            raise Refused(f"{path} has {facts['st_size']} bytes, far more than a kernel")
        self.g.download(path, to)

    def edit(self, edits: list[dict[str, Any]]) -> int:
        return Edits(self.g, edits).apply()

    def grow_partition(self, device: str) -> dict[str, Any]:
        """Grow the partition of a root to the end of its disk. Says why if it cannot be."""
        self.g.umount_all()
        try:
            return grow_partition(self.g, device)
        finally:
            for source, place in self.mounts:
                self._mount(source, place)

    def grow_filesystem(self, device: str) -> dict[str, Any]:
        """Grow the mounted root file system to its partition; all three do it while mounted."""
        kind = self.g.vfs_type(device)
        if kind in ("ext2", "ext3", "ext4"):
            self.g.resize2fs(device)
        elif kind == "xfs":
            self.g.xfs_growfs("/")
        elif kind == "btrfs":
            self.g.btrfs_filesystem_resize("/")
        else:
            return {"grown": False, "why": f"its file system is {kind}"}
        return {"grown": True, "why": ""}

    def shutdown(self) -> None:
        """Close while errors can still be heard: guestfs_close swallows them."""
        if self.g is not None:
            g, self.g = self.g, None
            try:
                g.umount_all()
                g.shutdown()
            finally:
                g.close()
                while self.exports:
                    self.exports.pop().close()


def grow_partition(g: Any, device: str) -> dict[str, Any]:
    parents = [disk for disk in g.list_devices() if disk == device]
    if parents:
        return {"grown": False, "why": ""}
    if device not in g.list_partitions():
        return {"grown": False, "why": f"it lies on {device}, which is no plain partition"}
    disk, number = g.part_to_dev(device), g.part_to_partnum(device)
    parts = partitions(g, disk)
    if g.blockdev_getss(disk) != SECTOR or parts.get(number, (0, 0, b""))[1] == 0:
        return {"grown": False, "why": f"{disk} has no plain partition table with {number} in it"}
    start, end, _ = parts[number]
    if any(other > start for other, _, _ in parts.values()):
        return {"grown": False, "why": "another partition lies behind it"}
    size, gpt = g.blockdev_getsz(disk), is_gpt(g, disk)
    # MBR counts sectors in 32 bits.
    last = (size if gpt else min(size, 1 << 32)) - 1
    if last - end < SLACK:
        return {"grown": False, "why": ""}
    if gpt:
        g.part_expand_gpt(disk)
        # Last usable LBA, at offset 48 of the header in LBA 1 (UEFI 2.10, table 5-5).
        last = int.from_bytes(g.pread_device(disk, 8, SECTOR + 48), "little")
    g.part_resize(disk, number, last)
    after = partitions(g, disk)
    # What boot loaders go by (BIOS boot, ESP, PARTUUID, the active mark) must be as before.
    if {**parts, number: (start, last, parts[number][2])} != after:
        raise Refused(f"growing partition {number} of {disk} changed more than its end")
    return {"grown": True, "why": ""}


def is_gpt(g: Any, disk: str) -> bool:
    return bool(g.pread_device(disk, 8, SECTOR) == b"EFI PART")


def partitions(g: Any, disk: str) -> dict[int, tuple[int, int, bytes]]:
    """Number -> first and last sector, and all else that its entry says (type, GUID, marks, name).

    Read from the disk: parted takes a second for each such question in an emulated appliance.
    """
    def number(entry: bytes, start: int, end: int) -> int:
        return int.from_bytes(entry[start:end], "little")

    if not is_gpt(g, disk):
        # Four entries of 16 bytes (UEFI 2.10, table 5-2); the CHS fields mean nothing today.
        table = g.pread_device(disk, 64, 446)
        entries = [table[at:at + 16] for at in range(0, 64, 16)]
        return {index: (number(entry, 8, 12), number(entry, 8, 12) + number(entry, 12, 16) - 1,
                        entry[0:1] + entry[4:5])
                for index, entry in enumerate(entries, 1) if entry[4]}
    header = g.pread_device(disk, 92, SECTOR)
    count, width = min(number(header, 80, 84), 256), max(number(header, 84, 88) % 4096, 128)
    table = g.pread_device(disk, count * width, number(header, 72, 80) * SECTOR)
    entries = [table[at:at + width] for at in range(0, count * width, width)]
    return {index: (number(entry, 32, 40), number(entry, 40, 48), entry[:32] + entry[48:])
            for index, entry in enumerate(entries, 1) if any(entry[:16])}


def check_spelling(path: str) -> None:
    """A home in a guest's passwd may say anything."""
    parts = path.split("/")
    if parts[0] or any(part in ("", ".", "..") for part in parts[1:]) or "\0" in path:
        raise Refused(f"{path!r} is no plain absolute path")


def check_target(do: str, path: str, facts: dict[str, int]) -> None:
    kind = kind_of(facts["st_mode"])
    if do == "folder":
        if kind != "folder":
            raise Refused(f"{path} cannot be a folder: it is a {kind}")
    elif do == "write" and kind == "file":
        why = why_refused(facts)
        if why:
            raise Refused(f"{path} cannot be edited: {why}")
    elif kind not in (("file",) if do == "write" else ("file", "symlink")):
        raise Refused(f"{path} cannot be edited: it is no regular file but a {kind}")


def why_refused(facts: dict[str, int]) -> str:
    if facts["st_nlink"] != 1:
        return f"it has {facts['st_nlink']} hard links, and the others would stay as they are"
    return "it is larger than 1 MiB" if facts["st_size"] > LARGEST else ""


def kind_of(mode: int) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink"}
    return kinds.get(stat.S_IFMT(mode), "special file")


def make() -> Any:
    import guestfs

    return guestfs.GuestFS(python_return_dict=True)


OPERATIONS = ("open", "inspect", "mount", "look", "sizes", "download", "edit", "grow_partition",
              "grow_filesystem", "shutdown")


def answer(session: Session, line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
        operation = request.pop("op")
        if operation not in OPERATIONS:
            raise Refused(f"{operation!r} is no operation")
        return {"ok": getattr(session, operation)(**request)}
    except Refused as error:
        return {"error": str(error), "code": "refused"}
    except ImportError as error:
        return {"error": str(error), "code": "binding"}
    except UnicodeError:
        return {"error": "a file name in the guest is no UTF-8", "code": "refused"}
    except RuntimeError as error:
        return {"error": str(error), "code": "guestfs"}


def serve(lines: IO[str], results: IO[str], session: Session) -> None:
    try:
        for line in lines:
            results.write(json.dumps(answer(session, line)) + "\n")
            results.flush()
    finally:
        session.shutdown()


def main() -> int:
    # What libguestfs and its children print must not end up among the results.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        serve(sys.stdin, results, Session(make))
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
