"""What can be wrong, and where: a problem is one sentence with a place and a remedy."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """A place in a manifest; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int
    text: str = ""
    """The source line itself, shown under the message with a caret at the column."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a user has to mend; ``hint`` says what to write or run instead."""

    summary: str
    span: Span | None = None
    """None: it has no place."""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.summary}" + (f" ({self.hint})" if self.hint else "")


class Problems(Exception):
    """Everything that is wrong with the input, all at once; nothing has been changed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Failure(Exception):
    """An operation on the host that did not succeed: one sentence, and what to do about it."""

    def __init__(self, summary: str, hint: str = "", detail: str = "") -> None:
        self.summary = summary
        self.hint = hint
        self.detail = detail
        """What the failing program itself said (its stderr), if anything."""
        super().__init__(summary)
        for note in filter(None, (detail, hint)):
            self.add_note(note)  # for who does not catch it


class CutOff(Failure):
    """Somebody would not wait for the end of it. Nothing is undone then: the next apply goes on."""

    def __init__(self) -> None:
        super().__init__("cut off before its end", "apply again: it goes on from what is there")
