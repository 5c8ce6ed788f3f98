"""Files that are ours: stamping, publishing, trash. The design calls for fsync → rename → fsync."""

import errno
import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from tiny_cloud.errors import Failure
from tiny_cloud.facts import FileFacts
from tiny_cloud.host import digest, lvm
from tiny_cloud.host.qemu_lock import require_unused
from tiny_cloud.model import Unknown
from tiny_cloud.steps import MakeFolder, Publish, Rename, Stamp, Trash

# The qemu user may write user.* attributes of its disks; only root may write trusted.* (xattr(7)).
RIGHTS = "run as root, or as the user who owns it"
ATTRIBUTE = "trusted.tinycloud" if os.geteuid() == 0 else "user.tinycloud"


def facts(paths: Iterable[str]) -> dict[str, FileFacts | Unknown]:
    """lstat and stamp of each path; absent ones have no entry."""
    found: dict[str, FileFacts | Unknown] = {}
    for path in paths:
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                found[path] = Unknown(f"{path} is not a regular file")
                continue
            mark = _read_stamp(path, status.st_ino)
            genuine = mark is not None and (mark.get("path"), mark.get("inode")) == (
                path, str(status.st_ino))
            intact = not genuine or _is_intact(path, mark, status)
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            found[path] = Unknown(f"a part of the path {path} is no folder")
            continue
        except PermissionError:
            found[path] = Unknown(f"{path} may not be read", RIGHTS)
            continue
        except OSError as error:
            found[path] = Unknown(f"{path} cannot be looked at: {error.strerror}")
            continue
        found[path] = FileFacts(path, status.st_size, status.st_ino, mark, genuine, intact)
    return found


def identity(path: str) -> str:
    """Which very object it is: a file's inode, a volume's UUID."""
    status = os.stat(path)
    return lvm.uuid(path) if stat.S_ISBLK(status.st_mode) else str(status.st_ino)


def listing(folder: str) -> tuple[str, ...]:
    """Whatever is in there and is no folder. Raises Failure if that cannot be told."""
    try:
        with os.scandir(folder) as entries:
            # A symbolic link takes a name, wherever it leads.
            return tuple(sorted(e.path for e in entries if not e.is_dir(follow_symlinks=False)))
    except FileNotFoundError:
        return ()
    except PermissionError as error:
        raise Failure(f"{folder} may not be read", RIGHTS) from error
    except OSError as error:
        raise Failure(f"{folder} cannot be listed: {error.strerror}") from error


def _is_intact(path: str, mark: Mapping[str, str] | None, status: os.stat_result) -> bool:
    """As an immutable file's stamp has it, by size and mtime, which cost nothing; where the time
    alone is another, its bytes decide. Others are always intact."""
    if mark is None or "mtime" not in mark:
        return True
    if mark.get("size") != str(status.st_size):
        return False
    if mark["mtime"] == str(status.st_mtime_ns):
        return True
    return mark.get("sha256") == digest.of_file(path, "sha256")


def _sidecar(path: str | Path) -> Path:
    return Path(f"{path}.stamp")


def _read_stamp(path: str, inode: int) -> Mapping[str, str] | None:
    """From the attribute, or the sidecar where the file system has no attributes; {}: damaged."""
    try:
        return _parsed(os.getxattr(path, ATTRIBUTE, follow_symlinks=False))
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
    # A kill between a file and its sidecar leaves that under the name which the file had before.
    marks = [_parsed(side.read_bytes()) for side in (_sidecar(path), _sidecar(f"{path}.part"))
             if side.exists()]
    fitting = (mark for mark in marks if mark.get("inode") == str(inode))
    return next(fitting, marks[0] if _sidecar(path).exists() else None)


def _parsed(text: bytes) -> Mapping[str, str]:
    try:
        mark = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in mark.items()} if isinstance(mark, dict) else {}


def write_stamp(step: Stamp) -> None:
    """The inode stays the same through the rename to the final name."""
    mark = {
        "cloud": step.cloud,
        "address": step.address,
        "path": step.final,
        "inode": str(os.stat(step.path).st_ino),
        **step.extra,
    }
    if step.immutable:
        status = os.stat(step.path)
        mark |= {"size": str(status.st_size), "mtime": str(status.st_mtime_ns),
                 "sha256": digest.of_file(step.path, "sha256")}
    text = json.dumps(mark, sort_keys=True)
    try:
        os.setxattr(step.path, ATTRIBUTE, text.encode(), follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        put(_sidecar(step.path), text)


def put(path: Path, text: str) -> None:
    """A small file of ours, 0600: whoever looks sees the old one or the new one, also after a power
    cut. Raises OSError, and the old one stays."""
    part = Path(f"{path}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        take_place(str(part), str(path))
    except OSError:
        part.unlink(missing_ok=True)
        raise


def make_folder(step: MakeFolder) -> None:
    path = Path(step.path)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(step.mode)
        sync_folder(folder.parent)


def publish(step: Publish) -> None:
    """A final name never has unfinished content, not even after a power cut."""
    _settle(step.part, step.mode)
    taken = Failure(f"{step.final} exists already and is not overwritten")
    if os.path.lexists(step.final):
        raise taken
    _bring_sidecar(step.part, step.final)
    try:
        # link refuses an existing name, which rename would replace without a word (link(2)).
        os.link(step.part, step.final, follow_symlinks=False)
    except FileExistsError as error:
        raise taken from error
    os.unlink(step.part)
    sync_folder(Path(step.final).parent)


def take_place(part: str, final: str) -> None:
    """A part of ours takes its final name from the file that has it, at once."""
    _settle(part)
    os.rename(part, final)
    _bring_sidecar(part, final)
    sync_folder(Path(final).parent)


def _bring_sidecar(path: str, to: str) -> None:
    with suppress(FileNotFoundError):
        os.rename(_sidecar(path), _sidecar(to))


def rename(step: Rename) -> None:
    """As ``publish`` does it: whenever it is cut off, doing it again ends it. The stamp's sidecar
    is there under both names before the file is."""
    path, to = Path(step.path), Path(step.to)
    require_unused(step.path)
    for old, new in ((_sidecar(step.path), _sidecar(step.to)), (path, to)):
        try:
            os.link(old, new, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except FileExistsError as error:
            if not os.path.samestat(os.lstat(old), os.lstat(new)):
                raise Failure(f"{new} exists already and is not overwritten") from error
    sync_folder(to.parent) if to.parent.is_dir() else None
    for old in (path, _sidecar(step.path)):
        old.unlink(missing_ok=True)
    sync_folder(path.parent) if path.parent.is_dir() else None


def move_to_trash(step: Trash) -> None:
    trash = Path(step.trash)
    require_unused(step.path)
    trash.parent.mkdir(mode=0o700, exist_ok=True)
    _move(step.path, trash)
    _move(_sidecar(step.path), _sidecar(step.trash))
    sync_folder(trash.parent)
    sync_folder(Path(step.path).parent)


def _move(source: str | Path, target: Path) -> None:
    """What is not there any more was moved by an apply that was cut off."""
    try:
        os.rename(source, target)
    except FileNotFoundError as error:
        if os.path.lexists(source):
            gone = f"{source} cannot be moved: the folder {target.parent} is gone"
            raise Failure(gone, "apply again") from error


def _settle(part: str, mode: int | None = None) -> None:
    """Whoever wrote it, qemu-img too: what is in it is on the disk then (fsync(2))."""
    descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
