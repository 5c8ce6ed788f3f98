"""A command's time, processor time and memory, and the medians of several that take turns."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Took:
    """One command with all it started; what libvirtd does for it is in the seconds alone."""

    seconds: float
    cpu: float
    """Seconds of processor time."""
    peak: int
    """Bytes: resident memory of the largest of its processes."""


def command(*argv: str, environ: Mapping[str, str] | None = None) -> Took:
    """Raises SystemExit, with what it said, if it fails."""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                 env={**os.environ, **(environ or {})})
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(argv)}\n{said.read().decode(errors='replace')}")
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)


Work: TypeAlias = Callable[[], Took]


@dataclass(frozen=True, slots=True)
class Contender:
    """``before`` is not measured, and makes the host as it has to be for ``work``."""

    name: str
    work: Work
    before: Callable[[], object] = lambda: None


def medians(contenders: Sequence[Contender], rounds: int) -> dict[str, Took]:
    """By name. They take turns, so that what else the machine does meets all of them."""
    times: dict[str, list[Took]] = {one.name: [] for one in contenders}
    for _ in range(rounds):
        for one in contenders:
            one.before()
            times[one.name].append(one.work())
    return {name: _median(runs) for name, runs in times.items()}


def _median(runs: Sequence[Took]) -> Took:
    return Took(median(run.seconds for run in runs), median(run.cpu for run in runs),
                int(median(run.peak for run in runs)))
