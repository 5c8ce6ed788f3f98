"""The files of a VMDK that consists of several: found, looked at, and shown to qemu as ours."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.host import ends
from tiny_cloud.images import vmdk


class Split(Struct, frozen=True):
    """A disk that a descriptor and its extents are together."""

    extents: tuple[vmdk.Extent, ...]
    paths: tuple[str, ...]
    """Absolute, in the order of the extents."""

    @property
    def virtual_size(self) -> int:
        """Bytes."""
        return vmdk.SECTOR * sum(extent.sectors for extent in self.extents)


def look(path: str) -> Split | None:
    """None: it is no descriptor. Raises Failure if it is one of anything but a whole disk in files
    beside it, and names every extent that is missing or no plain file."""
    text = _text(path)
    if text is None:
        return None
    extents = vmdk.extents(path, text)
    folder = os.path.dirname(path)
    paths = tuple(os.path.join(folder, extent.name) for extent in extents)
    _require_files(path, paths)
    return Split(extents, paths)


def _text(path: str) -> bytes | None:
    """A descriptor's whole text. What is no file or cannot be read is for others to speak of.
    Raises Failure for a longer one: qemu would make do with its beginning, and open what that
    names."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as file:
            text = file.read(vmdk.MOST + 1)
    except OSError:
        return None
    if not vmdk.is_descriptor(text):
        return None
    if len(text) > vmdk.MOST:
        raise Failure(f"{path} is refused: it begins as a VMDK's descriptor and is over 1 MiB long")
    return text


def _require_files(descriptor: str, paths: Sequence[str]) -> None:
    faults = {path: fault for path in paths if (fault := _fault(path))}
    if faults:
        told = "; ".join(f"{path} {fault}" for path, fault in faults.items())
        raise Failure(f"{descriptor} lacks {len(faults)} of its {len(paths)} extents: {told}",
                      "put all files of the disk into one folder")


def _fault(path: str) -> str:
    try:
        found = os.lstat(path)
    except OSError as error:
        return "is missing" if isinstance(error, FileNotFoundError) else str(error.strerror)
    return "" if stat.S_ISREG(found.st_mode) else "is not a regular file"


def require_whole(split: Split) -> None:
    """Raises Failure for an extent that is cut off, or that is not what the descriptor says."""
    for extent, path in zip(split.extents, split.paths, strict=True):
        if extent.kind == "FLAT":
            ends.require(path, vmdk.SECTOR * (extent.offset + extent.sectors))
            continue
        with open(path, "rb") as file:
            header = ends.vmdk_header(file)
        # One without a capacity could name files of its own, in a descriptor of its own.
        if header is None or header.at_end or header.capacity != extent.sectors:
            raise Failure(f"{path} is not the extent that its descriptor says, a sparse one of "
                          f"{extent.sectors} sectors")
        ends.require_whole(path, "vmdk")


@contextmanager
def gathered(split: Split, folder: str) -> Iterator[str]:
    """The path of a descriptor of ours in a folder of ours, for the time being."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)
    try:
        names = [f"{number:04}.vmdk" for number in range(len(split.paths))]
        for name, path in zip(names, split.paths, strict=True):
            os.symlink(path, os.path.join(folder, name))
        ours = os.path.join(folder, "descriptor.vmdk")
        with open(ours, "x") as file:
            file.write(vmdk.descriptor(split.extents, names))
        yield ours
    finally:
        shutil.rmtree(folder)
