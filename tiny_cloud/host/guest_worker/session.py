"""One appliance, and what can be asked of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import hive
from .edits import Edits
from .export import Export
from .growth import grow_partition, identity
from .tree import Refused, Tree, check_spelling

LARGEST_COPY = 1 << 30
"""Bytes: no kernel or initial ramdisk is larger."""
ENCRYPTED = ("crypto_LUKS", "BitLocker")
"""What blkid calls partitions that a guest has encrypted itself."""
READ_ONLY = 1
"""ST_RDONLY of statvfs(3)."""
HIBERNATED = ("Windows is hibernated or was not shut down (Fast Startup is a hibernation, too): "
              "start it, and end it with shutdown /s /t 0")
MOST = 1000
"""Paths that one glob may stand for."""
MOST_CONTENT = 32 << 20
"""Bytes of all the files that are looked at together."""


class Session:
    """One appliance, from open to shutdown."""

    def __init__(
        self, make: Callable[[], Any], launched: Callable[[], None] = lambda: None
    ) -> None:
        """``launched`` is called when qemu has been started: limits of this process are not its."""
        self.make = make
        self.launched = launched
        self.g: Any = None
        self.exports: list[Export] = []
        self.mounts: list[tuple[str, str]] = []
        self.readonly = True
        self.kinds: dict[str, str] = {}

    def open(self, drives: list[dict[str, Any]]) -> None:
        self.g = self.make()
        # A trace would print what is written, and passwords' hashes with it.
        self.g.set_trace(False)
        self.g.set_network(False)
        self.readonly = all(drive["readonly"] for drive in drives)
        for number, drive in enumerate(drives):
            if "key" in drive:
                self._add_encrypted(**drive)
            else:
                self.g.add_drive_opts(drive["path"], format=drive["format"],
                                      readonly=drive["readonly"], label=label(number))
        self.g.launch()
        self.launched()

    def _add_encrypted(self, options: list[str], key: str, readonly: bool) -> None:
        self.exports.append(Export(options, key, readonly))
        self.g.add_drive_opts("", format="raw", readonly=readonly, protocol="nbd",
                              server=[f"unix:{self.exports[-1].path}"])

    def table(self) -> str:
        """What the only disk's partition table is known by; empty: by nothing."""
        return identity(self.g, "/dev/sda")

    def inspect(self) -> dict[str, Any]:
        roots = [self._root(root) for root in self.g.inspect_os()]
        # Another scan of the whole disk, which only an error message needs.
        return {"roots": roots, "filesystems": {} if roots else self._filesystems()}

    def _filesystems(self) -> dict[str, str]:
        """With what is encrypted, of which libguestfs's own list says nothing."""
        g = self.g
        kinds = {device: g.vfs_type(device) for device in (*g.list_devices(), *g.list_partitions())}
        sealed = {device: kind for device, kind in kinds.items() if kind in ENCRYPTED}
        return {**g.list_filesystems(), **sealed}

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
        options = f"{'ro' if self.readonly else 'rw'},nodev,nosuid"
        windows = not self.readonly and self._type(device) == "ntfs"
        # Without it every new file is everybody's to write (ntfs-3g(8), access handling).
        self.g.mount_options(options + (",permissions" if windows else ""), device, place)
        # mount(8) and ntfs-3g are content with reading where a file system lets nobody write.
        if not self.readonly and self.g.statvfs(place)["flag"] & READ_ONLY:
            self.g.umount(place)
            raise RuntimeError(
                HIBERNATED if windows else f"{device} is sealed, or damaged: it can only be read")

    def enter(self, disk: int, partitions: dict[str, int]) -> str:
        """Mount these partitions of that disk: mount point -> number. By its label, which came
        with its file; names of devices are given in the order in which the kernel finds them."""
        self.leave()
        device = self.g.list_disk_labels()[label(disk)]
        failed = self.mount({place: f"{device}{number}" for place, number in partitions.items()})
        if failed:
            raise RuntimeError("; ".join(f"{place}: {why}" for place, why in failed.items()))
        return f"{device}{partitions['/']}"

    def leave(self) -> None:
        self.g.umount_all()
        self.mounts = []

    def types(self, devices: list[str]) -> dict[str, str]:
        return {device: self._type(device) for device in devices}

    def _type(self, device: str) -> str:
        """Of its file system; blkid takes a moment, and no edit makes it another."""
        if device not in self.kinds:
            self.kinds[device] = self.g.vfs_type(device)
        return self.kinds[device]

    def look(self, paths: list[str]) -> dict[str, Any]:
        tree = Tree(self.g)
        found: dict[str, Any] = {}
        taken = 0
        for pattern in paths:
            if hive.SEPARATOR in pattern:
                value = hive.look(self.g, pattern)
                found.update({pattern: value} if value else {})
                continue
            for path in self._named(pattern):
                file = tree.file(path)
                if file is not None:
                    found[path] = file
                    taken += len(file.get("content", ""))
                if taken > MOST_CONTENT:
                    raise Refused(f"the guest has over {MOST_CONTENT >> 20} MiB in files that "
                                  f"settings lie in, {pattern} the last of them")
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
        return grow_partition(self.g, device, self._unmounted)

    @contextmanager
    def _unmounted(self) -> Iterator[None]:
        self.g.umount_all()
        try:
            yield
        finally:
            for source, place in self.mounts:
                self._mount(source, place)

    def grow_filesystem(self, device: str) -> dict[str, Any]:
        """Grow the mounted root file system to its partition; all three do it while mounted."""
        kind = self._type(device)
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


def label(disk: int) -> str:
    """One to twenty letters (guestfs(3), add_drive_opts)."""
    return "disk" + "".join(chr(ord("a") + int(digit)) for digit in str(disk))
