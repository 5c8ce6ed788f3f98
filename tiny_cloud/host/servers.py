"""Whether servers answer: a connection is made and closed, and nothing said; or what they say."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from tiny_cloud.facts import Server

PATIENCE = 3.0
"""Seconds that a server gets: one in reach takes milliseconds."""
AT_ONCE = 32


def silent(servers: Iterable[Server]) -> dict[Server, str]:
    """Those that do not answer, and why; all are asked at the same time."""
    asked = list(dict.fromkeys(servers))
    if not asked:
        return {}
    with ThreadPoolExecutor(min(len(asked), AT_ONCE)) as pool:
        return {server: why for server, why in zip(asked, pool.map(_silence, asked), strict=True)
                if why}


def _silence(server: Server) -> str:
    return _fault(lambda: _connected(server).close())


def greeting_fault(server: Server, greeting: bytes) -> str:
    """Why a server does not begin with that; empty: it does."""

    def listen() -> None:
        with _connected(server) as one:
            said = one.recv(len(greeting))
        if not said or not greeting.startswith(said):
            raise OSError("something else answers" if said else "nobody answers behind it")

    return _fault(listen)


def _connected(server: Server) -> socket.socket:
    if isinstance(server, tuple):
        return socket.create_connection(server, PATIENCE)
    one = socket.socket(socket.AF_UNIX)
    try:
        one.settimeout(PATIENCE)
        one.connect(server)
    except OSError:
        one.close()
        raise
    return one


def _fault(talk: Callable[[], None]) -> str:
    try:
        talk()
    except TimeoutError:
        return f"no answer within {PATIENCE:.0f} seconds"
    except OSError as error:
        # A name that nobody knows has a number of its own kind.
        return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return ""
