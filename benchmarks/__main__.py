"""``python -m benchmarks [--scale] [--only WORDS]``: measure, and write RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from importlib.metadata import version
from typing import TypeAlias

import libvirt

from benchmarks import guests, importing, planning, rivals, scale, starting, twenty
from benchmarks.results import KEPT, TABLE, Row, keep
from benchmarks.scene import Scene, scene

Parts: TypeAlias = Mapping[str, Callable[[Scene], Iterator[Row]]]
SMALL: Parts = {
    "start": starting.rows, "twenty": twenty.rows, "import": importing.rows,
    "guests": lambda _: guests.rows(),
}
LARGE: Parts = {"planning": planning.rows, "thousand": scale.rows}


def about() -> dict[str, str]:
    qemu = subprocess.run(("qemu-img", "--version"), check=True, capture_output=True, text=True)
    number = libvirt.getVersion()
    return {
        "on": f"{len(os.sched_getaffinity(0))} processors without KVM, {date.today().isoformat()}",
        "tinycloud": version("tinycloud"), "Python": platform.python_version(),
        "qemu": qemu.stdout.split()[2],
        "libvirt": f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}",
    }


def measured(made: Scene, only: str, parts: Parts) -> Iterator[Row]:
    for name, rows in parts.items():
        if only in name:
            for row in rows(made):
                print(f"{row.work}: {row.measured} (goal {row.goal})", flush=True)
                yield row


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", action="store_true", help="a thousand machines")
    parser.add_argument("--only", default="", help="the parts whose name has this in it: "
                        + ", ".join([*SMALL, *LARGE]))
    given = parser.parse_args()
    words = about()
    if not given.scale:
        rivals.install()
        words |= rivals.versions()
    with scene() as made:
        for row in measured(made, given.only, LARGE if given.scale else SMALL):
            keep([row], words)
    print(f"{KEPT}\n{TABLE}")


if __name__ == "__main__":
    main()
