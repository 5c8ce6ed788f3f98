"""What a terminal was sent, as plain lines: a log of a console is full of colours and cursors."""

from __future__ import annotations

import re
from collections import defaultdict

from tiny_cloud.render.text import clean

SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
"""Of ECMA-48 (5.3 to 5.6): CSI, the strings of OSC and its like, and all shorter ones."""


class Transcript:
    """Bytes as they come, in whatever pieces; whole lines as they go."""

    def __init__(self) -> None:
        self._rest = b""

    def lines(self, added: bytes) -> str:
        """Those that are complete now, each with its end."""
        *whole, self._rest = (self._rest + added).split(b"\n")
        return "".join(f"{plain(line)}\n" for line in whole)

    def rest(self) -> str:
        """What has no end of line, and is not expected to get one soon: a prompt."""
        text, self._rest = plain(self._rest), b""
        return text


class Reel:
    """Several transcripts on one screen, each under the name of its file, as tail(1) shows them."""

    def __init__(self, *, headed: bool) -> None:
        self._of: defaultdict[str, Transcript] = defaultdict(Transcript)
        self._headed = headed
        self._last = ""

    def add(self, name: str, added: bytes) -> str:
        return self._under(name, self._of[name].lines(added))

    def rest(self) -> str:
        return "".join(self._under(name, one.rest()) for name, one in self._of.items())

    def _under(self, name: str, text: str) -> str:
        if not text or not self._headed or name == self._last:
            return text
        gap = "\n" if self._last else ""
        self._last = name
        return f"{gap}==> {clean(name)} <==\n{text}"


def plain(line: bytes) -> str:
    """Without sequences for terminals and carriage returns; other control characters are shown."""
    text = SEQUENCE.sub("", line.decode("utf-8", "replace"))
    return clean(text.replace("\r", "").expandtabs())
