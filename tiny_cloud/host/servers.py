"""Whether servers answer: a connection is made and closed, and nothing said."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
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
    try:
        if isinstance(server, str):
            with socket.socket(socket.AF_UNIX) as one:
                one.settimeout(PATIENCE)
                one.connect(server)
        else:
            socket.create_connection(server, PATIENCE).close()
    except TimeoutError:
        return f"no answer within {PATIENCE:.0f} seconds"
    except OSError as error:
        # A name that nobody knows has a number of its own kind.
        return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return ""
