"""A command in the window of a terminal of given size, and what a person sees there.

``pexpect`` gives the command a terminal of its own, ``pyte`` is the screen::

    with Terminal([TINYCLOUD, "apply"], columns=80, env={"NO_COLOR": "1"}) as window:
        window.wait_for("Do this?")
        window.type("y\\n")
        assert window.end() == 0
        print(window.text)
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pexpect
import pyte

TINYCLOUD = str(Path(sys.executable).with_name("tinycloud"))
INTERRUPT = "\x03"
"""Ctrl-C, as the keyboard sends it."""
_SET_ANEW = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE")


class Terminal:
    """``columns`` and ``lines`` are characters; ``env`` is added to the environment as it is, less
    what would say another size or colour. A context: what still runs at its end is ended."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        inherited = {name: text for name, text in os.environ.items() if name not in _SET_ANEW}
        self._screen = pyte.HistoryScreen(columns, lines, history=100_000)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            argv[0], list(argv[1:]), dimensions=(lines, columns), cwd=cwd, timeout=None,
            env={**inherited, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})},
        )
        self.raw = b""
        """Everything that was written to the terminal, control sequences too."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.close(force=True)

    @property
    def pid(self) -> int:
        return int(self._child.pid)

    @property
    def screen(self) -> str:
        """What the window shows now: no trailing blanks, no empty lines at its end."""
        return _joined(line.rstrip() for line in self._screen.display)

    @property
    def text(self) -> str:
        """The same, with all that has been scrolled out of it at the top."""
        width = range(self._screen.columns)
        above = ("".join(line[x].data for x in width).rstrip()
                 for line in self._screen.history.top)
        return _joined([*above, *(line.rstrip() for line in self._screen.display)])

    def style(self, words: str) -> frozenset[str]:
        """Colour and weight of the first letter of ``words``, where the window shows them first:
        ``{"green", "bold"}``."""
        y, line = next((y, line) for y, line in enumerate(self._screen.display) if words in line)
        letter = self._screen.buffer[y][line.index(words)]
        return frozenset([letter.fg] * (letter.fg != "default") + ["bold"] * letter.bold)

    def type(self, keys: str) -> None:
        self._child.send(keys)

    def close(self) -> None:
        """As a window is closed while something runs in it: that gets SIGHUP."""
        self._child.ptyproc.fileobj.close()
        self._child.ptyproc.closed = self._child.closed = True

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    def wait_for(self, what: str | Callable[[str], bool], timeout: float = 60) -> str:
        """The screen, as soon as it shows these words (or is as asked). Seconds."""
        shows = what if callable(what) else lambda screen: what in screen
        deadline = time.monotonic() + timeout
        while not shows(self.screen):
            if not self._read(0.2) or time.monotonic() > deadline:
                break
        assert shows(self.screen), f"never seen: {what!r}\n{self.text}"
        return self.screen

    def end(self, timeout: float = 60) -> int:
        """The exit code, once the command has ended; negative: the signal that killed it."""
        deadline = time.monotonic() + timeout
        while self._read(0.2):
            assert time.monotonic() < deadline, f"it does not end\n{self.text}"
        self._child.wait()
        code = self._child.exitstatus
        return int(code) if code is not None else -int(self._child.signalstatus)

    def _read(self, seconds: float) -> bool:
        """Onto the screen with what comes meanwhile; False: nothing can come any more."""
        try:
            chunk = self._child.read_nonblocking(1 << 16, seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += chunk
        self._stream.feed(chunk)
        return True


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
