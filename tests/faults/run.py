"""A command line of tinycloud in a process of its own, with a fault in it.

The processes are forked off one that has tinycloud loaded: a walk through every point of a
scenario starts thousands.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

from tests.faults.fault import NONE, Fault, Hurt

LOADED = ("tests.faults.warm",)
PATIENCE = 600
"""Seconds for one run; an appliance takes 20 in software emulation."""


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    said: str
    points: tuple[str, ...]
    """Those that were reached."""
    hit: str
    """The point at which the fault came; empty: it did not come to that."""
    session: int
    """Which processes were part of it: their session (getsid(2)), unless they made their own."""

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def run(argv: Sequence[str], storage: Path, fault: Fault = NONE) -> Run:
    """``storage``: the folder in which changes of files are points."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        said, points = Path(folder, "said"), Path(folder, "points")
        child = _forks().Process(
            target=_child, args=(tuple(argv), str(storage), fault, said, points, dict(os.environ)))
        child.start()
        child.join(PATIENCE)
        if child.exitcode is None:
            child.kill()
            raise AssertionError(f"{fault}: still running after {PATIENCE} s\n{said.read_text()}")
        reached = points.read_text().splitlines()
        hit = next((one[2:] for one in reached if one.startswith("! ")), "")
        return Run(child.exitcode, said.read_text(errors="replace"),
                   tuple(one for one in reached if not one.startswith("! ")), hit, child.pid or 0)


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


def _child(
    argv: tuple[str, ...], storage: str, fault: Fault, said: Path, points: Path,
    environ: Mapping[str, str],
) -> None:
    from tests.faults import watch
    from tiny_cloud import cli

    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    output = os.open(said, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    kept = os.open(points, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    hurt = Hurt(fault, lambda point: os.write(kept, f"{point}\n".encode()) and None)
    watch.install(storage, hurt.reached)
    sys.argv = ["tinycloud", *argv]
    cli.main()
