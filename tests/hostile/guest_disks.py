"""Disks with a small Debian each, and a trap in the place of one of its files."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tests.hostile import spoiled
from tests.integration.odd_guests import FSTABS, MODES, TREE

MIB = 1 << 20
SIZE = 24
"""MiB of the file system."""
OUTSIDE = "/outside"
"""In the guest: what lies there is nobody's to touch."""
SPECIAL = {
    # Of the appliance itself: its root, and a console that prints what comes.
    "a block device": spoiled.instead(
        lambda place: os.mknod(place, 0o60600, os.makedev(8, 0))),
    "a character device": spoiled.instead(
        lambda place: os.mknod(place, 0o20600, os.makedev(5, 1))),
}
VARIANTS = {**spoiled.VARIANTS, **SPECIAL}


def plant(tree: Path) -> None:
    for path, text in {**TREE, "etc/fstab": FSTABS["ext4"]}.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(MODES.get(path, 0o644))


def make(disk: Path, path: str, variant: str) -> None:
    """A raw disk with one partition, ext4."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        plant(tree)
        outside = spoiled.make_outside(tree / OUTSIDE[1:])
        place = tree / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        VARIANTS[variant](place, outside)
        _inside_out(tree)
        write(disk, tree)


def write(disk: Path, tree: Path) -> None:
    with disk.open("wb") as file:
        file.truncate((SIZE + 2) * MIB)
    run("sfdisk", "-q", str(disk), stdin=f"label: gpt\nsize={SIZE}MiB, type=linux\n")
    # No journal: it would take a third of it.
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-N", "8192", "-E", f"offset={MIB}",
        "-d", str(tree), str(disk), f"{SIZE}M")


def sound(disk: Path) -> bool:
    """By e2fsck, which reads only."""
    done = subprocess.run(["e2fsck", "-fn", f"{disk}?offset={MIB}"], capture_output=True,
                          check=False)
    return done.returncode == 0


def _inside_out(tree: Path) -> None:
    """Links to absolute places mean the guest's."""
    for path in tree.rglob("*"):
        if path.is_symlink() and os.readlink(path).startswith(f"{tree}/"):
            target = os.readlink(path).removeprefix(str(tree))
            path.unlink()
            path.symlink_to(target)


def run(*argv: str, stdin: str = "") -> None:
    subprocess.run(argv, input=stdin, check=True, capture_output=True, text=True)
