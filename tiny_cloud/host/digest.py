"""Content digests of local images, remembered by device, inode, size and mtime (best effort).

That of a VMDK in several files is the digest of all their digests: another byte in any of them
makes another image.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from tiny_cloud.errors import Failure
from tiny_cloud.host import extents, notes


def sha256(path: str, cache: Path) -> str:
    """Hexadecimal. The cache folder may be absent or unwritable: then it is computed each time.

    Raises Failure if a file cannot be read or is missing.
    """
    found = _remembered(path, cache)
    split = extents.look(path)
    return _together(found, [_remembered(one, cache) for one in split.paths]) if split else found


def of_image(path: str, algorithm: str) -> str:
    """Hexadecimal, computed now. Raises Failure for an extent that is missing."""
    found, split = of_file(path, algorithm), extents.look(path)
    return _together(found, [of_file(one, algorithm) for one in split.paths]) if split else found


def of_file(path: str, algorithm: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _together(descriptor: str, extents: Iterable[str]) -> str:
    return hashlib.sha256("\n".join((descriptor, *extents)).encode()).hexdigest()


def _remembered(path: str, cache: Path) -> str:
    try:
        # A pipe would be waited for, and some devices have no end.
        if stat.S_IFMT(os.stat(path).st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise Failure(f"{path} is not a regular file")
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            identity = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
            note = cache / "digests" / f"{status.st_dev}-{status.st_ino}.json"
            known = notes.recall(note)
            if known.get("identity") == identity and known.get("sha256"):
                return str(known["sha256"])
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except IsADirectoryError:
        raise Failure(f"{path} is a folder, not an image") from None
    except FileNotFoundError:
        raise Failure(f"there is no file {path}") from None
    except PermissionError:
        raise Failure(f"{path} may not be read") from None
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    notes.remember(note, {"identity": identity, "sha256": found})
    return found
