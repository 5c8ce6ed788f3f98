"""qemu-img on images of ours: always with the format stated, always with an absolute path."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from tiny_cloud import luks
from tiny_cloud.errors import Failure
from tiny_cloud.facts import ImageFacts
from tiny_cloud.host import headers
from tiny_cloud.host.command import run
from tiny_cloud.host.space import require_space
from tiny_cloud.images.options import TAKEN_AT_ONCE
from tiny_cloud.model import Unknown

PARALLEL = 8
"""qemu-img spends 8 ms a process mostly waiting; more than this gains nothing on small hosts."""

MEASUREMENTS = 20
STANDSTILL = "Unable to get accurate CPU usage"
"""qemu first measures how fast the host hashes (crypto/pbkdf.c), and gives up if the clock of its
thread has not moved, as happens on a busy host, at once and often: then it measures again."""


def info(path: str, format: str, *, foreign: bool = False) -> ImageFacts:
    """What the image says of itself. Raises Failure if it is unreadable, marked corrupt, or no
    more than the index to another file."""
    _require_absolute(path)
    with suppress(OSError):  # which qemu-img has words for
        if plain := headers.read(path, format):
            return plain
    facts = describe(path, format, foreign=foreign)
    data = facts.get("format-specific", {}).get("data", {})
    header = data if facts["format"] == "luks" else data.get("encrypt", {})
    told = {"clusterSize": facts.get("cluster-size"), "lazyRefcounts": data.get("lazy-refcounts"),
            "extendedL2": data.get("extended-l2")}
    if data.get("corrupt"):
        raise Failure(f"{path} is marked corrupt", hint=f"look at it with: qemu-img check {path}")
    if data.get("data-file"):
        # Whatever opens the image next opens that file too, and writes to it.
        raise Failure(f"{path} keeps its data in another file, {data['data-file']}",
                      hint="qemu-img convert makes one image of them")
    return ImageFacts(
        format=facts["format"],
        virtual_size=facts["virtual-size"],
        actual_size=facts["actual-size"],
        backing=_absolute(path, facts),
        backing_format=facts.get("backing-filename-format", ""),
        encryption="luks" if facts["format"] == "luks" else header.get("format", ""),
        volume=header.get("uuid", ""),
        options={name: value for name, value in told.items() if value is not None},
        snapshots=tuple(item["name"] for item in facts.get("snapshots", ())),
    )


def describe(path: str, format: str, *, foreign: bool) -> dict[str, Any]:
    """qemu-img's own JSON. An empty format lets qemu guess: to compare guesses, never for use."""
    _require_absolute(path)
    stated = ("-f", format) if format else ()
    argv = ("qemu-img", "info", "--output=json", "--force-share", *stated, "--", path)
    facts: dict[str, Any] = json.loads(run(argv, foreign=foreign))
    return facts


def infos(formats: Mapping[str, str]) -> Mapping[str, ImageFacts | Unknown]:
    """Facts of the images that exist, by path; ``formats`` is path -> format."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        found = pool.map(_observe, formats.keys(), formats.values())
        return {path: facts for path, facts in zip(formats, found, strict=True)
                if facts is not None}


def create(
    to: str,
    format: str,
    size: int | None = None,
    backing: str = "",
    backing_format: str = "",
    pass_fds: Sequence[int] = (),
    layout: Sequence[str] = (),
    key: str = "",
) -> None:
    """Make a blank image of ``size`` bytes, or an overlay (of its base's size if none is given).
    ``layout``: words of ``-o``, as ``images.options`` makes them.

    A leftover ``….part`` is replaced; anything else that exists is refused, for qemu-img would
    erase it and return 0. With a ``key`` it is encrypted with LUKS.
    """
    _require_absolute(to)
    if os.path.lexists(to):
        if not to.endswith(".part"):
            raise Failure(f"{to} exists already and is not overwritten",
                          hint="move it away, or adopt it")
        os.unlink(to)
    if backing:
        size = _overlaying(size, backing, backing_format)
    elif size is None:
        raise Failure(f"{to} has neither a size nor an image to take it from")
    if any(word == f"preallocation={kind}" for word in layout for kind in TAKEN_AT_ONCE):
        require_space(to, size, f"the disk {to.removesuffix('.part')}")
    argv = ["qemu-img", "create", "-q", "-f", format]
    argv += [*luks.KEY, *luks.creation(format)] if key else []
    argv += ["-o", ",".join(layout)] if layout else []
    argv += ["-b", backing, "-F", backing_format] if backing else []
    try:
        measured((*argv, "--", to, str(size)), key, pass_fds)
    except BaseException:
        remove(to)
        raise


def _overlaying(size: int | None, backing: str, backing_format: str) -> int:
    """The size of an overlay: qemu-img would make one that cuts off the end of its base."""
    least = info(backing, backing_format).virtual_size
    if size is not None and size < least:
        raise Failure(
            f"a disk of {size} bytes is smaller than its image {backing} of {least} bytes",
            hint=f"ask for at least {least} bytes")
    return least if size is None else size


def measured(argv: Sequence[str], key: str, pass_fds: Sequence[int]) -> None:
    """qemu-img measures how many rounds a key costs, and gives up if its clock stood still."""
    for left in reversed(range(MEASUREMENTS)):
        try:
            run(argv, input=key.encode(), pass_fds=pass_fds)
            return
        except Failure as failure:
            if not left or STANDSTILL not in failure.detail:
                raise


def packed(compression: str) -> tuple[str, ...]:
    """What makes convert compress; nothing for an empty word."""
    return ("-c", "-o", f"compression_type={compression}") if compression else ()


def resize(path: str, format: str, size: int, pass_fds: Sequence[int] = ()) -> None:
    """Grow a disk that nobody uses to ``size`` bytes; shrinking would cut data off: Failure."""
    now = info(path, format).virtual_size
    if size < now:
        raise Failure(f"{path} has {now} bytes and is never shrunk, to {size} bytes or otherwise",
                      hint="make a new disk and copy what is in this one")
    if size > now:
        run(("qemu-img", "resize", "-q", "-f", format, "--", path, str(size)), pass_fds=pass_fds)


def opens(path: str, format: str, key: str) -> bool:
    """Whether this is the key of an encrypted disk, which may be in use. Takes seconds: that is
    what LUKS makes a guess cost."""
    look = ("map", "--force-share", "--max-length=512", "--output=json")
    try:
        run(("qemu-img", *look, *luks.KEY, *luks.opened(path, format)), input=key.encode())
    except Failure as failure:
        if "Invalid password" in failure.detail:
            return False
        raise
    return True


def remove(path: str) -> None:
    """Delete a file that we made ourselves; one that is not there is fine."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _observe(path: str, format: str) -> ImageFacts | Unknown | None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        # A dangling link is something, though: creating the file would write through it.
        return Unknown(f"{path} is a dangling link") if os.path.islink(path) else None
    except OSError as error:
        return Unknown(f"{path} cannot be looked at: {error.strerror}", hint="run as root")
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        return Unknown(f"{path} is neither a file nor a block device")
    try:
        # Limited even though it is ours: a machine that runs may have written anything into it.
        return info(path, format, foreign=True)
    except Failure as failure:
        if not os.path.lexists(path):
            return None
        return Unknown(failure.summary, hint=failure.hint)


def _absolute(path: str, facts: Mapping[str, Any]) -> str:
    told: str = facts.get("full-backing-filename") or facts.get("backing-filename", "")
    # qemu's own way to say that what follows is a path.
    backing = told.removeprefix("file:")
    if not backing or backing.startswith(("/", "json:")):
        return backing
    return str(PurePosixPath(path).parent / backing)


def _require_absolute(path: str) -> None:
    """qemu takes ``json:…`` and ``nbd:…`` for instructions; a path from the root is only a path."""
    if not path.startswith("/"):
        raise Failure(f"{path} is not an absolute path")
