"""Disks mounted here to be looked into: guestmount(1), reading only.

The file systems are read by libguestfs's appliance, never by this host's kernel; what arrives here
is FUSE, which takes nothing in it for a device and no program for its owner's (nodev and nosuid are
its own defaults; it refuses to be told).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from tiny_cloud.errors import Failure
from tiny_cloud.host import command

PATIENCE = 300.0
"""Seconds until the appliance has to be there: some 20 without hardware virtualisation."""
POLL = 0.1
UNTIL_TOLD = """
trap : TERM
guestmount "$@" &
wait
kill $! 2>/dev/null
wait
fusermount -uz "$0" 2>/dev/null
exit 0
"""
"""FUSE's own auto_unmount (mount.fuse(8)) leaves a dead mount behind now and then."""


@contextmanager
def mounted(
    drives: Sequence[tuple[str, str]], folder: str, environ: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """All file systems of the one system on these drives (path, format) below ``folder``.

    The process ends when somebody unmounts it. Afterwards neither it nor a mount is left. Raises
    Failure."""
    for tool in ("guestmount", "guestunmount", "fusermount", "setpriv"):
        command.require(tool)
    added = [word for path, form in drives for word in (f"--format={form}", "-a", path)]
    # A session of its own: Ctrl-C is ours to handle. Should we be killed, the shell goes on and
    # tidies up.
    argv = ("setpriv", "--pdeathsig", "TERM", "--", "sh", "-c", UNTIL_TOLD, folder,
            "--ro", "-i", "--no-fork", *added, folder)
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=errors, env=command.environment(environ),
                                 start_new_session=True)
        try:
            _await(child, folder, errors)
            yield child
        finally:
            _unmount(child, folder)


def _await(child: subprocess.Popen[bytes], folder: str, errors: IO[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not os.path.ismount(folder):
        late = time.monotonic() > deadline
        if late or child.poll() is not None:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip()
            why = f"not within {PATIENCE:g} s" if late else said.partition("\n")[0]
            raise Failure(f"nothing could be mounted: {why.removeprefix('libguestfs: error: ')}",
                          "libguestfs-test-tool says whether its appliance starts", said)
        time.sleep(POLL)


def _unmount(child: subprocess.Popen[bytes], folder: str) -> None:
    try:
        if os.path.ismount(folder):
            command.run(("guestunmount", "--retry=3", folder))
            child.wait(timeout=60)
    except (Failure, subprocess.TimeoutExpired):
        # Somebody still looks in there: it goes from under them, for nothing is written in it.
        command.run(("umount", "--lazy", folder), accept=(0, 1, 32))
        raise Failure(f"{folder} was in use, and is gone all the same") from None
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
