"""The base of all steps, and a command by itself."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tiny_cloud import luks


@dataclass(frozen=True, slots=True)
class Step:
    """The base of all steps. Steps with equal, non-empty ``batch`` may be executed together."""

    batch: ClassVar[str] = ""

    def shell(self) -> str:
        raise NotImplementedError

    def undo(self) -> tuple[Step, ...]:
        """What takes it back when a later step of the same change fails; none: it stays done."""
        return ()


@dataclass(frozen=True, slots=True)
class Run(Step):
    """Run a command to its end; a non-zero exit is a failure that quotes its stderr."""

    argv: tuple[str, ...]
    secret: Mapping[str, Any] | None = None
    """The reference to what it reads from stdin; None: nothing."""

    def shell(self) -> str:
        return luks.typed(self.argv, self.secret) if self.secret else shlex.join(self.argv)
