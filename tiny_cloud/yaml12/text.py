"""A file's text, its lines, what is wrong with it, and what it may cost."""

from __future__ import annotations

import re

from msgspec import Struct, field

from tiny_cloud.errors import Problem, Span

MOST_NODES = 10_000
"""In one file, aliases and merges counted for what they unfold to: as many as can be read, checked
and linked within the second that a manifest of any content may take. Some 250 whole machines."""
MOST_DIRECTIVES = 32
"""Lines that begin with ``%``: libyaml compares each ``%TAG`` with all before it."""
DEEPEST = 32
MOST_PROBLEMS = 100
LONGEST_LINE = 240
"""Characters; a longer line is not shown under a message."""

# C0 and C1 controls, DEL, and what YAML 1.1 calls line breaks but no editor does.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BREAK = re.compile("\r\n?|\n")
# A password that should not be in a manifest at all must not get into a log with the error either.
_PASSWORD = re.compile(
    r"password['\"]?\s*:\s*(?!\{\s*(?:file|env|command)\s*:)\S", re.IGNORECASE)


class Unreadable(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, summary: str, span: Span | None = None, hint: str = "") -> None:
        self.problem = Problem(summary, span, hint)
        super().__init__(summary)


class Source(Struct):
    file: str
    """As it is named to the user."""
    text: str
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = _BREAK.split(self.text)

    def span(self, line: int, column: int) -> Span:
        """Line and column count from 0, as PyYAML has them."""
        text = self.lines[line] if line < len(self.lines) else ""
        shown = "" if len(text) > LONGEST_LINE or _PASSWORD.search(text) else text
        return Span(self.file, line + 1, column + 1, shown)

    def complain(self, summary: str, span: Span, hint: str = "") -> None:
        """Note a problem and go on. Raises Unreadable when there are too many to go on."""
        self.problems.append(Problem(summary, span, hint))
        if len(self.problems) >= MOST_PROBLEMS:
            raise Unreadable(f"{MOST_PROBLEMS} problems are enough: the rest was not read", span)

    def count(self, span: Span, depth: int) -> None:
        """One value more, so deep in. Raises Unreadable beyond the limits."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise Unreadable(
                f"a file may hold at most {MOST_NODES} values (aliases and merges unfolded)",
                span, "split it into several files")
        if depth > DEEPEST:
            raise Unreadable(f"this is nested deeper than {DEEPEST} levels", span)

    def refuse_directives(self) -> None:
        if sum(line.startswith("%") for line in self.lines) > MOST_DIRECTIVES:
            raise Unreadable(f"a manifest may hold at most {MOST_DIRECTIVES} directives",
                             self.span(0, 0), "no line needs to begin with %")

    def refuse_controls(self) -> None:
        found = FORBIDDEN.search(self.text)
        if found is None:
            return
        before = _BREAK.split(self.text[: found.start()])
        span = self.span(len(before) - 1, len(before[-1]))._replace(text="")
        raise Unreadable(f"a manifest may not hold the control character U+{ord(found[0]):04X}",
                         span, "remove it")


def shorten(text: str, length: int = 40) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
