"""A shell that is typed into, as a page shows it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

END = "\0"
"""What no command prints: the exit code follows."""


@dataclass(frozen=True, slots=True)
class Typed:
    command: str
    shown: str
    """What the page says that it prints; empty: nothing is said."""


def typed(text: str) -> Iterator[Typed]:
    """Lines that begin with ``$`` are commands, those with ``>`` go on with one."""
    command, shown = "", ""
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            if command:
                yield Typed(command, shown)
            command, shown = line[2:], ""
        elif line.startswith("> ") and not shown:
            command += line[2:]
        else:
            assert command, f"a console block begins with a command: {line!r}"
            shown += line
    yield Typed(command, shown)


class Shell:
    """One bash for a whole page: variables, folder and ``$?`` go on. A context."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env={**os.environ, **env}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self._code = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bash.communicate()

    def run(self, command: str) -> tuple[int, str]:
        """The exit code, and all that was printed. It has no terminal and no input."""
        assert self._bash.stdin and self._bash.stdout
        self._bash.stdin.write(
            f"(exit {self._code})\n{{ {command.rstrip()}\n}} </dev/null\nprintf '\\0%s\\0\\n' $?\n")
        self._bash.stdin.flush()
        printed = ""
        for line in self._bash.stdout:
            if END in line:
                rest, code, _ = line.split(END)
                self._code = int(code)
                return self._code, printed + rest
            printed += line
        raise AssertionError(f"the shell ended at {command}{printed}")
