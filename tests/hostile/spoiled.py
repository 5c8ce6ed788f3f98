"""What a guest may have in the place of a file that is to be edited: each a trap of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

LARGEST = 1 << 20
Spoil = Callable[[Path, Path], None]
"""The place inside the guest's tree, and a folder outside of it that nobody may touch."""


def gone(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def link(target: Callable[[Path, Path], str | Path]) -> Spoil:
    def spoil(place: Path, outside: Path) -> None:
        gone(place)
        place.symlink_to(target(place, outside))
    return spoil


def folder_link(target: Callable[[Path, Path], str | Path], above: int = 0) -> Spoil:
    """The folder that it lies in leads elsewhere, or one above that."""
    def spoil(place: Path, outside: Path) -> None:
        folder = place.parents[above]
        gone(folder)
        folder.symlink_to(target(folder, outside), target_is_directory=True)
    return spoil


def hard_link(place: Path, outside: Path) -> None:
    if not place.is_file():
        gone(place)
        place.write_bytes(b"of somebody else\n")
    os.link(place, outside / "hard-linked")


def instead(make: Callable[[Path], object]) -> Spoil:
    def spoil(place: Path, outside: Path) -> None:
        gone(place)
        make(place)
    return spoil


def full_folder(place: Path) -> None:
    place.mkdir()
    (place / "somebody's").write_bytes(b"data\n")


def sparse(size: int) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.touch()
        os.truncate(place, size)
    return make


def into(outside: Path, name: str = "file") -> Path:
    return outside / name


VARIANTS: Mapping[str, Spoil] = {
    "a link to a file outside": link(lambda place, outside: into(outside)),
    "a relative link outside": link(lambda place, outside: os.path.relpath(
        into(outside), place.parent)),
    "a link to where nothing is yet": link(lambda place, outside: into(outside, "new")),
    "a link to itself": link(lambda place, outside: place.name),
    "a link to a device": link(lambda place, outside: "/dev/full"),
    "a folder that leads outside": folder_link(lambda folder, outside: into(outside, "folder")),
    "a relative folder that leads outside": folder_link(lambda folder, outside: os.path.relpath(
        into(outside, "folder"), folder.parent)),
    "a folder that leads to itself": folder_link(lambda folder, outside: folder.name),
    "a folder that is a file": lambda place, outside: instead(Path.touch)(place.parent, outside),
    "a hard link": hard_link,
    "a pipe": instead(os.mkfifo),
    "a folder": instead(Path.mkdir),
    "a folder with files": instead(full_folder),
    "over 1 MiB": instead(sparse(LARGEST + 1)),
    "a hole of 1 TiB": instead(sparse(1 << 40)),
    "no UTF-8": instead(lambda place: place.write_bytes(b"\xff\xfe\0\x80 = \xc3\x28\n" * 100)),
    "zeros": instead(lambda place: place.write_bytes(bytes(4096))),
    "nothing in it": instead(Path.touch),
    "one endless line": instead(lambda place: place.write_bytes(b"x" * LARGEST)),
    "nothing but lines": instead(lambda place: place.write_bytes(b"\n" * 100_000)),
}
UNREADABLE = ("link", "leads", "folder", "pipe", "MiB", "TiB")
"""In the names of those that are no plain file of a usual size: these are never written to."""


def may_have(path: str, variant: str) -> bool:
    """What lies in the root itself lies in no folder that could lead elsewhere."""
    return path.count("/") > 1 or "folder that" not in variant


def make_outside(folder: Path) -> Path:
    (folder / "folder").mkdir(parents=True)
    (folder / "file").write_bytes(b"outside\n")
    (folder / "folder" / "inner").write_bytes(b"outside\n")
    return folder


def tree(folder: Path) -> dict[str, tuple[int, int, str | bytes]]:
    """All that is below a folder: mode, size, and what is in it, or where it leads."""
    found: dict[str, tuple[int, int, str | bytes]] = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        inside: str | bytes = b""
        if path.is_symlink():
            inside = os.readlink(path)
        elif path.is_file() and facts.st_size <= LARGEST:
            inside = path.read_bytes()
        found[str(path.relative_to(folder))] = (
            facts.st_mode, 0 if path.is_dir() else facts.st_size, inside)
    return found
