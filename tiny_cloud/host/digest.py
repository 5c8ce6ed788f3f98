"""Content digests of local files, remembered by device, inode, size and mtime (best effort)."""

import hashlib
import json
import os
from pathlib import Path

from tiny_cloud.errors import Failure


def sha256(path: str, cache: Path) -> str:
    """Hexadecimal. The cache folder may be absent or unwritable: then it is computed each time.

    Raises Failure if the file cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            identity = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
            note = cache / "digests" / f"{status.st_dev}-{status.st_ino}.json"
            known = _recall(note, identity)
            if known:
                return known
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except IsADirectoryError:
        raise Failure(f"{path} is a folder, not an image") from None
    except FileNotFoundError:
        raise Failure(f"there is no file {path}") from None
    except PermissionError:
        raise Failure(f"{path} may not be read") from None
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    _remember(note, identity, found)
    return found


def _recall(note: Path, identity: list[int]) -> str:
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError, RecursionError):
        return ""
    same = isinstance(known, dict) and known.get("identity") == identity
    return str(known.get("sha256", "")) if same else ""


def _remember(note: Path, identity: list[int], digest: str) -> None:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        part = note.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps({"identity": identity, "sha256": digest}))
        part.rename(note)
    except OSError:
        return  # the cache is a convenience: without it the file is read again
