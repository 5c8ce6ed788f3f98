"""A declarative reconciler for virtual machines on KVM hosts.

>>> import tiny_cloud
>>> workspace = tiny_cloud.load("manifests")     # doctest: +SKIP
>>> for event in workspace.plan().apply():       # doctest: +SKIP
...     print(event)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiny_cloud.api import Planned, Workspace

__version__ = "0.1.0"


def load(*paths: str, connect: str = "", storage: str = "") -> Workspace:
    """Read manifests (files or folders; none: ``manifests``). Raises ``errors.Problems``."""
    from tiny_cloud.api import load_manifests

    return load_manifests(paths, connect=connect, storage=storage)


def load_plan(file: str) -> Planned:
    """A plan that ``saved.save`` wrote, planned again. Raises ``errors.Failure`` if it differs."""
    from pathlib import Path

    from tiny_cloud import saved

    return saved.load(Path(file))
