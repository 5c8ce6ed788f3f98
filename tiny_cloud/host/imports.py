"""Import an image from elsewhere: looked at, converted once to a standalone qcow2, verified."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tiny_cloud.errors import Failure
from tiny_cloud.events import Amount
from tiny_cloud.host import digest, extents, qemu_img
from tiny_cloud.host.command import FOREIGN_CPU, FOREIGN_FILE, FOREIGN_MEMORY, limited, run
from tiny_cloud.host.inspect import Inspected, inspect, inspect_split
from tiny_cloud.host.space import require_space
from tiny_cloud.steps import ImportImage

SLOWEST = 4 << 20
"""Bytes a second of CPU that a conversion makes at the very least: zlib in software emulation."""
PATIENCE = 20
"""Wall-clock seconds for each of CPU, for slow disks."""


def import_image(
    step: ImportImage,
    progress: Callable[[Amount], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> None:
    """Raises Failure for a hostile, changed or damaged source, or too little space; nothing stays.

    ``step.to`` must end in ``.part``; a leftover of a killed run is replaced.
    """
    if not step.to.endswith(".part"):
        raise Failure(f"{step.to} is no place for a conversion: its name must end in .part")
    try:
        with _opened(step) as (source, found), _digested(step):
            if found.format == "qcow2":
                _refuse_truncated(source)
            _convert(step, source, found, progress or _ignore, pass_fds)
    except BaseException:
        qemu_img.remove(step.to)
        raise
    if step.remove_source:
        qemu_img.remove(step.source)


@contextmanager
def _opened(step: ImportImage) -> Iterator[tuple[str, Inspected]]:
    """What qemu is to read, and what it is."""
    split = extents.look(step.source)
    if split is None:
        with _unchanged(step.source):
            yield step.source, inspect(step.source, step.format)
        return
    if step.remove_source:
        # What it names would be looked for among our own images.
        raise Failure(f"{step.source} is a VMDK's descriptor, and its extents were not downloaded",
                      "get all its files into one folder, and write source: {path: …}")
    if step.format not in ("", "vmdk"):
        raise Failure(f"{step.source} is declared as {step.format} and is in fact vmdk",
                      "write format: vmdk, if that is what you expect")
    with (
        _unchanged(step.source, *split.paths),
        extents.gathered(split, f"{step.to}.extents") as ours,
    ):
        yield ours, inspect_split(step.source, split.virtual_size, ours)


@contextmanager
def _unchanged(*paths: str) -> Iterator[None]:
    """Raises Failure if what was looked at is not what was read, whatever came of reading it."""
    before = _marks(paths)
    failed: Failure | None = None
    try:
        yield
    except Failure as failure:
        failed = failure
    if _marks(paths) != before:
        raise Failure(f"{paths[0]} was changed while it was read",
                      "apply again when nobody writes to it",
                      f"{failed}\n{failed.detail}".strip() if failed else "")
    if failed:
        raise failed


def _marks(paths: Sequence[str]) -> list[tuple[int, ...]]:
    """Nobody but the kernel sets the time of a change (inode(7), st_ctime)."""
    try:
        found = [os.stat(path) for path in paths]
    except OSError as error:
        raise Failure(f"{error.filename} cannot be read: {error.strerror}") from error
    return [(one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns)
            for one in found]


def _convert(
    step: ImportImage,
    source: str,
    found: Inspected,
    progress: Callable[[Amount], None],
    pass_fds: Sequence[int],
) -> None:
    required = needed(source, found.format)
    require_space(step.to, required, f"the import of {step.source}")
    cpu = FOREIGN_CPU + required // SLOWEST
    convert = ("qemu-img", "convert", "-p", "-f", found.format, "-O", "qcow2",
               *qemu_img.packed(step.compression), "--", source, step.to)
    qemu_img.remove(step.to)
    # Larger than measured means that the source lied about itself, or changed meanwhile.
    run(limited(convert, cpu=cpu, memory=FOREIGN_MEMORY,
                file_size=required + required // 8 + FOREIGN_FILE),
        progress=lambda done: progress(Amount.part(done, found.virtual_size)),
        pass_fds=pass_fds, timeout=cpu * PATIENCE)
    _verify(step, found.virtual_size)


@contextmanager
def _digested(step: ImportImage) -> Iterator[None]:
    """Beside the conversion, for both take long. That it is another file has the last word."""
    with ThreadPoolExecutor(1) as pool:
        checked = pool.submit(_check_digest, step)
        try:
            yield
        finally:
            checked.result()


def _ignore(_amount: Amount) -> None:
    return


def _check_digest(step: ImportImage) -> None:
    if not step.digest:
        return
    algorithm, _, wanted = step.digest.partition(":")
    actual = digest.of_image(step.source, algorithm)
    if actual == wanted.lower():
        return
    if digest.of_file(step.source, algorithm) == wanted.lower():
        raise Failure(f"{step.source} is one of several files, and its digest alone says nothing "
                      "of the others", "write source: {path: …}: then the plan reads all of them")
    raise Failure(f"{step.source} has the {algorithm} {actual} and not {wanted}, "
                  "which it had when the plan was made", hint="plan again")


def needed(source: str, format: str, *, foreign: bool = True) -> int:
    """Bytes that a standalone qcow2 of it will take at most, by qemu's own measure."""
    argv = ("qemu-img", "measure", "--output=json", "-f", format, "-O", "qcow2", "--", source)
    return int(json.loads(run(argv, foreign=foreign))["required"])


def _refuse_truncated(source: str) -> None:
    """qemu reads zeros behind the end of a cut-off qcow2 and says nothing."""
    argv = ("qemu-img", "check", "--output=json", "-f", "qcow2", "--", source)
    try:
        # Exit code 3, qemu-img(1): clusters that nobody uses. That costs space and no data.
        told = json.loads(run(argv, foreign=True, accept=(0, 3)))
    except Failure as failure:
        summary = f"{source} is damaged or cut off"
        raise Failure(summary, "get it again", failure.detail) from failure
    size, end = os.path.getsize(source), told.get("image-end-offset", 0)
    # A new image ends in a table, of which only what is used is written.
    if end > size and told.get("allocated-clusters"):
        raise Failure(f"{source} is cut off: it has {size} bytes of at least {end}",
                      hint="get it again")


def _verify(step: ImportImage, virtual_size: int) -> None:
    run(("qemu-img", "check", "-q", "-f", "qcow2", "--", step.to), foreign=True)
    made = qemu_img.info(step.to, "qcow2").virtual_size
    if made != virtual_size:
        raise Failure(f"{step.source} has {virtual_size} bytes and its conversion {made} bytes",
                      hint="try again: the source may have changed meanwhile")
