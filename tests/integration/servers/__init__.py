"""Real servers of disks, each started for a test on a port of its own, and ended by its PID."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 30
"""That a server gets until it answers."""


@contextmanager
def process(*argv: str, log: Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as stream:
        started = subprocess.Popen(argv, stdout=stream, stderr=stream, **options)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        started.kill()  # what it has goes anyway, and some take their time to say good-bye
        started.wait()


def wait(what: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run(*argv: str, stdin: str = "") -> str:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout
