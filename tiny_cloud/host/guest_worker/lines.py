"""The conversation: a JSON object a line, jobs in and results out."""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import IO, Any

from .session import LARGEST_COPY, Session
from .tree import Refused

OPERATIONS = ("open", "table", "inspect", "mount", "enter", "leave", "types", "look", "sizes",
              "download", "edit", "grow_partition", "grow_filesystem", "shutdown")

MEMORY = 2 << 30
"""Bytes of address space for ourselves, whatever the appliance sends."""


def make() -> Any:
    import guestfs

    return guestfs.GuestFS(python_return_dict=True)


def answer(session: Session, line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
        operation = request.pop("op")
        if operation not in OPERATIONS:
            raise Refused(f"{operation!r} is no operation")
        return {"ok": getattr(session, operation)(**request)}
    except Refused as error:
        return {"error": str(error), "code": "refused"}
    except ImportError as error:
        return {"error": str(error), "code": "binding"}
    except UnicodeError:
        return {"error": "a file name in the guest is no UTF-8", "code": "refused"}
    except RuntimeError as error:
        return {"error": str(error), "code": "guestfs"}


def confine() -> None:
    """What the appliance answers comes of what is on the disk, and must fill neither this host's
    memory nor its disk. Its qemu has been started; its own memory is fixed (guestfs(3), memsize).
    """
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, LARGEST_COPY)):
        _, hard = resource.getrlimit(limit)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, hard))


def serve(lines: IO[str], results: IO[str], session: Session) -> None:
    try:
        for line in lines:
            results.write(json.dumps(answer(session, line)) + "\n")
            results.flush()
    finally:
        session.shutdown()


def main() -> int:
    # What libguestfs and its children print must not end up among the results.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        serve(sys.stdin, results, Session(make, confine))
    except BrokenPipeError:
        return 1
    return 0
