"""The step that makes a seed of cloud-init."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import field

from tiny_cloud.steps.base import Step
from tiny_cloud.steps.files import Stamp


class MakeSeed(Step, frozen=True):
    """Write a NoCloud seed, stamp it, put it in the place of the old one at once, record it."""

    address: str
    """The guest's: its record is written by this step, with the crypt hashes it made."""
    stamp: Stamp
    """``path`` is the part, ``final`` where the seed lies."""
    settings: Mapping[str, Any]
    """The Guest's spec, with interfaces completed (MAC, prefix); secrets are references."""
    disk: str
    """The disk that the guest boots from; nothing is written into it."""
    format: str
    identity: str = ""
    """Which disk it was when it was made; empty: it is made now."""
    record: Mapping[str, Any] = field(default_factory=dict)

    def shell(self) -> str:
        argv = ("xorriso", "-as", "mkisofs", "-volid", "cidata", "-joliet", "-rock", "-o",
                self.stamp.final, "meta-data", "user-data", "network-config")
        return shlex.join(argv)
