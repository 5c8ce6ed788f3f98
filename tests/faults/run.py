"""A command line of tinycloud in a process of its own, with a fault in it."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import forked
from tests.faults.fault import NONE, Fault, Hurt

POINTS = "points"
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
        child = forked.forks().Process(
            target=_child, args=(tuple(argv), str(storage), fault, folder, environ))
        child.start()
        child.join(PATIENCE)
        out, errors = forked.said(folder)
        points = Path(folder, POINTS).read_text(errors="replace")
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


def _child(
    argv: tuple[str, ...], storage: str, fault: Fault, folder: str, environ: Mapping[str, str]
) -> None:
    from tests.faults import watch
    from tiny_cloud import cli

    os.setsid()
    forked.enter(argv, folder, environ)
    kept = os.open(f"{folder}/{POINTS}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(point: str) -> None:
        os.write(kept, f"{point}\n".encode())

    hurt = Hurt(fault, note)
    watch.install(storage, hurt.reached)
    cli.main()
