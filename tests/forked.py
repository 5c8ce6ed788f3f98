"""Command lines of tinycloud in processes forked off one that has it loaded.

The tests run thousands, and most of what a short one costs is Python's start and its imports.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

FILES = ("out", "errors")


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    """Below zero: minus the signal that ended it."""
    out: str
    errors: str


@cache
def forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warm"])
    return context


def tinycloud(argv: Sequence[str]) -> Done:
    """Its exit code, and what it says on stdout and stderr; the environment and the folder are the
    caller's own, and there is nothing on stdin."""
    with tempfile.TemporaryDirectory(prefix="forked-") as folder:
        child = forks().Process(target=_child, args=(tuple(argv), folder, dict(os.environ)))
        child.start()
        child.join()
        out, errors = said(folder)
    assert child.exitcode is not None
    return Done(child.exitcode, out, errors)


def said(folder: str) -> list[str]:
    """What was written by a child that has called `enter` for this folder."""
    return [Path(folder, name).read_text(errors="replace") for name in FILES]


def enter(argv: Sequence[str], folder: str, environ: Mapping[str, str]) -> None:
    """Be a process that was started with these words and variables; what it says goes to files."""
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None  # that of the process we are forked from
    for descriptor, name in enumerate(FILES, 1):
        kept = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(kept, descriptor)
        os.close(kept)
    sys.argv = ["tinycloud", *argv]


def _child(argv: Sequence[str], folder: str, environ: Mapping[str, str]) -> None:
    from tests import messages
    from tiny_cloud import cli

    enter(argv, folder, environ)
    if kept := environ.get(messages.VARIABLE):
        messages.watch(kept)
    cli.main()
