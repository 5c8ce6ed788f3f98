"""A conversation with the guest worker: one appliance, typed questions, Failures for its errors."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from tiny_cloud import luks
from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, File, MakeFolder, Remove, SetValue, Symlink, WriteFile
from tiny_cloud.guests.roots import Root
from tiny_cloud.host import command, cut_off
from tiny_cloud.host.space import is_full

PYTHON = "/usr/bin/python3"
"""libguestfs's binding comes with the distribution's interpreter, not with ours."""
PATIENCE = 900.0
"""Seconds for one answer. An appliance starts in 20 s without hardware virtualisation."""
GLANCE = 1.0
"""Seconds between two looks at whether there is room."""

_DO: Mapping[type, str] = {
    WriteFile: "write", MakeFolder: "folder", Symlink: "symlink", Remove: "remove",
    SetValue: "value",
}


class GuestSession:
    """Use with ``with``: leaving it closes the worker's stdin, which shuts its appliance down.

    Also when we are killed: the worker then reads the end of its stdin, closes the appliance
    cleanly and exits, holding the descriptors in ``pass_fds`` (the host lock) until then.
    """

    def __init__(
        self, who: str, *, environ: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> None:
        self.who = who
        """Whom errors name: ``guest/web``."""
        self.written: set[str] = set()
        """The folders of the disks that are written to."""
        command.require(PYTHON)
        worker = Path(__file__).with_name("guest_worker")
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed on leaving)
        # A session of its own: Ctrl-C ends us, and the appliance only after its last write.
        self.child = subprocess.Popen(
            (PYTHON, "-I", str(worker)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, env=command.environment(environ), pass_fds=tuple(pass_fds),
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _close(self.child.stdin)
        try:
            self.child.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        _close(self.child.stdout)
        self.errors.close()

    def open(self, disk: str, disk_format: str, *, readonly: bool, key: str = "") -> None:
        """Start an appliance with this one disk. The format is stated, never guessed by qemu.
        With a ``key`` it is encrypted."""
        drive: dict[str, Any] = {"path": disk, "format": disk_format}
        self.written = set() if readonly else {os.path.dirname(disk)}
        if key:
            drive = {"options": [*luks.KEY, *luks.opened(disk, disk_format)], "key": key}
        self._ask("open", drives=[{**drive, "readonly": readonly}])

    def open_all(self, disks: Iterable[tuple[str, str]]) -> None:
        """Start an appliance with all of these, path and format each, to be written into."""
        drives = [{"path": path, "format": form, "readonly": False} for path, form in disks]
        self.written = {os.path.dirname(str(drive["path"])) for drive in drives}
        self._ask("open", drives=drives)

    def enter(self, disk: int, partitions: Mapping[str, int]) -> str:
        """Mount partitions of one of the disks, and nothing else: mount point -> number. Which disk
        that is goes by the place in which it was given. Returns the device of the root."""
        return str(self._ask("enter", disk=disk, partitions=dict(partitions)))

    def leave(self) -> None:
        self._ask("leave")

    def types(self, devices: Iterable[str]) -> Mapping[str, str]:
        """The file systems on them, as libguestfs calls them; empty: there is none."""
        told: Mapping[str, str] = self._ask("types", devices=list(devices))
        return told

    def table(self) -> str:
        """What the partition table of the only disk is known by, however far its last partition
        has grown; empty: it has none that differs from others."""
        return str(self._ask("table"))

    def inspect(self) -> tuple[tuple[Root, ...], Mapping[str, str]]:
        """The systems on the disk, and its file systems by device."""
        told = self._ask("inspect")
        roots = tuple(Root(**{**root, "version": tuple(root["version"])}) for root in told["roots"])
        return roots, told["filesystems"]

    def mount(self, mountpoints: Mapping[str, str]) -> Mapping[str, str]:
        """Mount point -> device; the answer has what failed: mount point -> why."""
        failed: Mapping[str, str] = self._ask("mount", mountpoints=dict(mountpoints))
        return failed

    def look(self, paths: Iterable[str]) -> Mapping[str, File]:
        """What is there under these paths and globs."""
        return msgspec.convert(self._ask("look", paths=sorted(paths)), dict[str, File])

    def edit(self, edits: Iterable[Edit]) -> None:
        """All of them, or none if one is refused."""
        self._ask("edit", edits=[plain(edit) for edit in edits])

    def sizes(self, folder: str) -> Mapping[str, int]:
        """The plain files in a folder, by name, and their bytes."""
        told: Mapping[str, int] = self._ask("sizes", folder=folder)
        return told

    def download(self, path: str, to: str) -> None:
        """Copy a plain file out of the guest; ``to`` is not there yet."""
        self._ask("download", path=path, to=to)

    def grow_partition(self, device: str) -> str:
        """Why it could not grow; empty: it did, or had no need to."""
        return str(self._ask("grow_partition", device=device)["why"])

    def grow_filesystem(self, device: str) -> str:
        return str(self._ask("grow_filesystem", device=device)["why"])

    def shutdown(self) -> None:
        """Write everything back. Raises Failure if the appliance could not."""
        self._ask("shutdown")

    def _ask(self, operation: str, **arguments: Any) -> Any:
        assert self.child.stdin is not None and self.child.stdout is not None
        answered = threading.Event()
        threading.Thread(target=self._watch, args=(answered,), daemon=True).start()
        try:
            self.child.stdin.write(json.dumps({"op": operation, **arguments}).encode() + b"\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            answered.set()
        if not line:
            cut_off.require_not()
        if not line and (full := self._full()):
            raise Failure(f"{self.who}: No space left on device: {full}", "make room")
        if not line:
            raise Failure(f"{self.who}: the libguestfs worker gave no answer ({operation})",
                          detail=self._said())
        told = json.loads(line)
        if "error" in told:
            raise self._failure(operation, str(told["code"]), str(told["error"]))
        return told["ok"]

    def _watch(self, answered: threading.Event) -> None:
        """qemu stops its machine where a disk's file finds no room, and waits for it (qemu(1),
        werror=enospc): neither libguestfs nor its caller ever hears of that."""
        late = time.monotonic() + PATIENCE
        while not answered.wait(GLANCE):
            if self._full() or time.monotonic() > late or cut_off.asked():
                self.child.kill()
                return

    def _full(self) -> str:
        """Where a disk that is written to has no room any more; empty: there is some."""
        return next((folder for folder in self.written if is_full(folder)), "")

    def _failure(self, operation: str, code: str, text: str) -> Failure:
        if code == "binding":
            return Failure(f"{self.who}: libguestfs's Python binding is not installed",
                           hint="apt install python3-guestfs", detail=text)
        if code == "refused":
            return Failure(f"{self.who}: {text}")
        if operation == "open":
            return Failure(
                f"{self.who}: the libguestfs appliance did not start: {text}", detail=self._said(),
                hint="libguestfs-test-tool says why; it needs a kernel in /boot that we may read",
            )
        return Failure(f"{self.who}: libguestfs failed ({operation}): {text}", detail=self._said())

    def _said(self) -> str:
        self.errors.seek(0)
        return self.errors.read()[-4000:].decode("utf-8", "replace").strip()


def plain(edit: Edit) -> dict[str, Any]:
    """An edit as the worker takes it: bytes in base64."""
    return {"do": _DO[type(edit)], **msgspec.to_builtins(edit)}


def _close(stream: IO[bytes] | None) -> None:
    try:
        if stream is not None:
            stream.close()
    except BrokenPipeError:
        # It has ended already; what it failed at was said in the answer, or follows from none.
        return
