"""Files of colon-separated rows (passwd, shadow…): what is not changed stays, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud.errors import Failure


class Table(Struct, frozen=True):
    lines: tuple[str, ...]
    """Split at newlines, so that the last one of a well-formed file is empty."""
    width: int
    """How many fields a row has: passwd 7, shadow 9, group and gshadow 4."""

    @classmethod
    def parse(cls, text: str, width: int) -> Table:
        return cls(tuple(text.split("\n")), width)

    def render(self) -> str:
        return "\n".join(self.lines)

    def rows(self) -> Iterator[list[str]]:
        """Rows the C library would take; NIS lines (+…), comments and broken lines are none."""
        return (row for line in self.lines if (row := self._row(line)))

    def row(self, name: str) -> list[str] | None:
        """The first row of this name: the one that getpwnam(3) gives."""
        return next((row for row in self.rows() if row[0] == name), None)

    def with_row(self, row: Sequence[str]) -> Table:
        """This row in place of the first of its name, or added at the end."""
        for value in row:
            if any(char in value for char in ":\n\r\0"):
                raise Failure(f"{value!r} cannot be written into a file of colon-separated fields")
        text = ":".join(row)
        for number, line in enumerate(self.lines):
            old = self._row(line)
            if old and old[0] == row[0]:
                return replace(self, lines=(*self.lines[:number], text, *self.lines[number + 1:]))
        body = self.lines[:-1] if self.lines[-1] == "" else self.lines
        return replace(self, lines=(*body, text, ""))

    def _row(self, line: str) -> list[str]:
        row = line.split(":")
        if len(row) != self.width or not row[0] or row[0][0] in "#+-":
            return []
        return row


def numbers(table: Table, column: int) -> set[int]:
    """The numeric ids of a column; compared as text, 999 would come after 1000."""
    found = (number(row[column]) for row in table.rows())
    return {one for one in found if one is not None}


def number(text: str, base: int = 10) -> int | None:
    """None for what is no number that an id or a mode could be."""
    try:
        return int(text, base) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    except ValueError:
        return None
