"""The base of all steps, and a command by itself."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import ClassVar


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

    def shell(self) -> str:
        return shlex.join(self.argv)
