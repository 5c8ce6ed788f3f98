"""Manifests as the command line and the API name them, read, checked and linked: no host is asked.

Apart from ``api``, which needs all that a host is asked with: ``validate`` need not wait for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tiny_cloud import given, loader
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.host import here


def read(
    paths: Sequence[str] = (), *, documents: given.Given | None = None, connect: str = "",
    storage: str = "", needed: bool = True,
) -> loader.Loaded:
    """Raises Problems with everything that is wrong in them, and (``needed``) if there is no folder
    of them."""
    if not paths and documents is None:
        there = Path("manifests").is_dir()
        if needed and not there:
            raise Problems([Problem("there is no folder manifests here",
                                    hint="name a file or folder")])
        paths = ("manifests",) if there else ()
    return loader.load(
        paths,
        stdin=sys.stdin,
        texts=given.texts(documents or ()),
        connect=connect or os.environ.get("TINYCLOUD_CONNECT", ""),
        storage=storage or os.environ.get("TINYCLOUD_STORAGE", ""),
        context_of=here.context,
        root=os.geteuid() == 0,
        machine_id=here.machine_id(),
    )
