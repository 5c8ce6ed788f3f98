"""A file that nobody may open, and a port that nobody may call."""

from __future__ import annotations

import ctypes
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Self

IN_OPEN = 0x20
"""inotify(7)."""
LIBC = ctypes.CDLL(None, use_errno=True)


class Canary:
    """Whoever names ``file`` or ``port`` in an image wants one of this host's files, or to call
    somebody. The kernel says who opened it, whatever process it was."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "canary"
        self.file.write_bytes(b"nobody may read this\n" * 4096)
        self.inotify = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert LIBC.inotify_add_watch(self.inotify, os.fsencode(self.file), IN_OPEN) > 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.port: int = self.server.getsockname()[1]

    def sang(self) -> list[str]:
        """What happened since it was asked last."""
        heard = []
        with suppress(BlockingIOError):
            heard += ["opened"] * (len(os.read(self.inotify, 1 << 16)) // 16)
        with suppress(BlockingIOError):
            self.server.accept()[0].close()
            heard.append("called")
        return heard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.inotify)
        self.server.close()
