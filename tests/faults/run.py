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
FILES = ("out", "errors", "points")
PATIENCE = 600
"""Seconds for one run; an appliance takes 20 in software emulation."""


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    out: str
    errors: str
    """stdout, and stderr."""
    points: tuple[str, ...]
    """Those that were reached."""
    hit: str
    """The point at which the fault came; empty: it did not come to that."""

    @property
    def said(self) -> str:
        return self.out + self.errors

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def run(argv: Sequence[str], storage: Path, fault: Fault = NONE) -> Run:
    """``storage``: the folder in which changes of files are points."""
    scratch = scratch_of(storage)
    scratch.mkdir(exist_ok=True)
    environ = {**os.environ, "TMPDIR": str(scratch)}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        child = _forks().Process(
            target=_child, args=(tuple(argv), str(storage), fault, folder, environ))
        child.start()
        child.join(PATIENCE)
        out, errors, points = (Path(folder, name).read_text(errors="replace") for name in FILES)
        if child.exitcode is None:
            child.kill()
            raise AssertionError(f"{fault}: still running after {PATIENCE} s\n{out}{errors}")
        reached = points.splitlines()
        hit = next((one[2:] for one in reached if one.startswith("! ")), "")
        plain = tuple(one for one in reached if not one.startswith("! "))
        return Run(child.exitcode, out, errors, plain, hit)


def scratch_of(storage: Path) -> Path:
    """Where tinycloud makes what it needs for a moment: /tmp is everybody's, and what is left there
    would be told to whoever plans beside."""
    return storage.with_name("scratch")


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


def _child(
    argv: tuple[str, ...], storage: str, fault: Fault, folder: str, environ: Mapping[str, str]
) -> None:
    from tests.faults import watch
    from tiny_cloud import cli

    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None  # that of the process we are forked from
    out, errors, kept = (os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                         for name in FILES)
    os.dup2(out, 1)
    os.dup2(errors, 2)

    def note(point: str) -> None:
        os.write(kept, f"{point}\n".encode())

    hurt = Hurt(fault, note)
    watch.install(storage, hurt.reached)
    sys.argv = ["tinycloud", *argv]
    cli.main()
