"""The base of all steps, and a command by itself."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tiny_cloud import luks


class Step(Struct, frozen=True):
    """The base of all steps."""

    @property
    def batch(self) -> str:
        """Steps with equal, non-empty words here are executed together."""
        return ""

    def shell(self) -> str:
        raise NotImplementedError

    def undo(self) -> tuple[Step, ...]:
        """What takes it back when a later step of the same change fails; none: it stays done."""
        return ()


class Run(Step, frozen=True):
    """Run a command to its end; a non-zero exit is a failure that quotes its stderr."""

    argv: tuple[str, ...]
    secret: Mapping[str, Any] | None = None
    """The reference to what it reads from stdin; None: nothing."""

    def shell(self) -> str:
        return luks.typed(self.argv, self.secret) if self.secret else shlex.join(self.argv)
