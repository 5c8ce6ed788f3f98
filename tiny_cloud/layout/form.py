"""The usual form of a manifest: fields in the schema's order, two spaces for each level.

Only lines move, and the spaces before them; what stands in a line stays, but for the order of what
is in one pair of braces. A comment of its own line goes with the field below it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from msgspec import Struct

from tiny_cloud.layout.lines import BLANK, comments, is_comment, shifted, trimmed
from tiny_cloud.layout.order import known_of, ranks_of
from tiny_cloud.layout.places import Place, places
from tiny_cloud.schema.files import Node, below

INDENT = 2
_BOUNDARY = re.compile(r"(---|\.\.\.)([ \t]|$)")
_DASH = re.compile(r"(?:.*[- ])?- *")
_LONE_DASH = re.compile(r" *-[ \t]*(#.*)?")


class Unusual(Exception):
    """Something that may be written otherwise, and is left as it is."""


def formatted(text: str) -> str:
    """The same documents. The text must be YAML without duplicate keys and control characters."""
    text = re.sub("\r\n?", "\n", text)
    roots = [root for root in places(text) if not root.empty]
    begins = [root.line for root in roots]
    lines = text.removesuffix("\n").split("\n")
    bounds = [at for at, line in enumerate(lines) if _BOUNDARY.match(line)]
    written: list[str] = []
    for start, end in zip([0, *(at + 1 for at in bounds)], [*bounds, len(lines)], strict=True):
        at = bisect_left(begins, start - 1)
        root = roots[at] if begins[at:at + 1] and begins[at] < end else None
        written += _document(lines, root, start, end)
        written += [line.rstrip(BLANK) for line in lines[end:end + 1]]
    found = "\n".join(written)
    return found if not found or _open(roots, text) else f"{found}\n"


def _document(lines: list[str], root: Place | None, start: int, end: int) -> list[str]:
    if root is None:
        return comments(lines[start:end], 0, last=True)
    if root.line >= start and root.block and root.fields and not root.marked:
        try:
            return Form(lines, sort=not any(part.marked for part in root.within)).root(
                root, start, end)
        except Unusual:
            pass
    return lines[start:end]


def _open(roots: list[Place], text: str) -> bool:
    """Whether a line break at the end would belong to a literal text."""
    parts = (part for root in roots[-1:] for part in root.within)
    return not text.endswith("\n") and any(
        part.text is not None and not part.flow and part.end_line >= text.count("\n")
        for part in parts)


class Form(Struct):
    lines: Sequence[str]
    sort: bool
    """Not where an alias might come before its anchor by that."""

    def root(self, node: Place, start: int, end: int) -> list[str]:
        """What stands before the first field is said of the document, and stays on top."""
        first = _first(node).line
        head = comments(self.lines[start:first], 0)
        return [*trimmed(head), *self._mapping(node, 0, first, end, known_of(node, None))]

    def _mapping(self, node: Place, column: int, begin: int, end: int,
                 known: Node | None) -> list[str]:
        """Lines for the fields of a block mapping; ``begin`` and ``end``: the lines that it has,
        with comments before and after."""
        fields = node.fields or []
        pieces: dict[str, list[str]] = {}
        for at, (key, value) in enumerate(fields):
            if key.text is None or not self._alone(key):
                raise Unusual
            lead = comments(self.lines[begin:key.line], column)
            stop = fields[at + 1][0].line if at + 1 < len(fields) else end
            begin = self._inner(value, key.column, stop)
            pieces[key.text] = [*lead, *self._field(key, value, column, begin, known)]
        ranks = ranks_of(node, known) if self.sort else {}
        order = sorted(pieces, key=lambda name: ranks.get(name, len(ranks)))
        found = [line for name in order for line in pieces[name]]
        return [*trimmed(found), *comments(self.lines[begin:end], column, last=True)]

    def _sequence(self, node: Place, column: int, begin: int, end: int,
                  known: Node | None) -> list[str]:
        items = node.items or []
        dashes = [self._dash(item) for item in items]
        found: list[str] = []
        for at, (item, dash) in enumerate(zip(items, dashes, strict=True)):
            lead = self.lines[begin:dash]
            stop = dashes[at + 1] if at + 1 < len(items) else end
            begin = self._inner(item, self.lines[dash].index("-"), stop)
            if dash != item.line and "#" in self.lines[dash]:
                lead = [*lead, self.lines[dash].partition("-")[2]]
            body = self._item(item, column + INDENT, dash, begin, known)
            while body[0].strip(BLANK)[:1] in ("", "#"):  # it was brought here with its field
                lead = [*lead, body.pop(0)]
            found += comments(lead, column)
            found += [" " * column + "- " + body[0][column + INDENT:], *body[1:]]
        return [*trimmed(found), *comments(self.lines[begin:end], column, last=True)]

    def _field(self, key: Place, value: Place, column: int, end: int,
               known: Node | None) -> list[str]:
        text = self.lines[key.line][key.column:]
        step = below(known, key.text or "") if known is not None else None
        if not value.block or not (value.fields or value.items):
            return self._leaf(key, value, column, end, step)
        first = _first(value).line if value.fields else self._dash((value.items or [])[0])
        between = self.lines[key.line + 1:first]
        if first == key.line or any(line.strip(BLANK)[:1] not in ("", "#") for line in between):
            raise Unusual
        return [" " * column + text.rstrip(BLANK),
                *self._block(value, column + INDENT, key.line + 1, end, step)]

    def _item(self, item: Place, column: int, dash: int, end: int,
              known: Node | None) -> list[str]:
        step = below(known, 0) if known is not None else None
        if not item.block or not (item.fields or item.items):
            return self._leaf(item, item, column, end, step)
        if item.marked:
            raise Unusual
        return self._block(item, column, dash + (dash != item.line), end, step)

    def _block(self, node: Place, column: int, begin: int, end: int,
               known: Node | None) -> list[str]:
        if node.fields is not None:
            return self._mapping(node, column, begin, end, known_of(node, known))
        return self._sequence(node, column, begin, end, known)

    def _leaf(self, start: Place, value: Place, column: int, end: int,
              known: Node | None) -> list[str]:
        """What is shifted as a whole."""
        line = self.lines[start.line]
        if value.flow and value.text is None and start.line == value.line == value.end_line:
            line = line[:value.column] + self._flow(value, known) + line[value.end_column:]
        by = column - start.column
        more = self.lines[start.line + 1:end]
        literal = value.text is not None and not value.flow
        least = 0 if literal else column + INDENT
        first = line[start.column:] if more and not literal else line[start.column:].rstrip(BLANK)
        return [" " * column + first, *(shifted(one, by, least) for one in more)]

    def _flow(self, node: Place, known: Node | None) -> str:
        """What stands in braces or brackets on one line, its fields in order."""
        line = self.lines[node.line]
        slots = node.fields if node.fields is not None else [(one, one) for one in node.items or ()]
        spans = [(key.column, value.end_column) for key, value in slots]
        texts = {}
        for at, (key, value) in enumerate(slots):
            step = below(known, key.text or "" if node.fields is not None else 0) if known else None
            shown = line[key.column:value.end_column]
            if value.text is None:
                shown = line[key.column:value.column] + self._flow(value, step)
            texts[at] = shown
        names = [key.text or "" for key, _ in slots] if node.fields is not None else []
        ranks = ranks_of(node, known_of(node, known)) if self.sort and names else {}
        order = sorted(texts, key=lambda at: ranks.get(names[at], len(ranks)) if names else 0)
        found, begin = "", node.column
        for (first, last), at in zip(spans, order, strict=True):
            found += line[begin:first] + texts[at]
            begin = last
        return found + line[begin:node.end_column]

    def _inner(self, value: Place, column: int, stop: int) -> int:
        """Where the lines of a value end: comments that are further in than ``column`` belong to
        what is in it; what is no block has none."""
        end = self._last(value) + 1
        if value.block:
            while end < stop and is_comment(self.lines[end], column):
                end += 1
        return end

    def _last(self, node: Place) -> int:
        """The last line that something of it stands in."""
        if node.block and (node.fields or node.items):
            part = node.fields[-1][1] if node.fields else (node.items or [node])[-1]
            return self._last(part)
        last = node.end_line - (node.end_column == 0 and node.end_line > node.line)
        if node.text is not None and not node.flow:
            last = min(last, len(self.lines) - 1)
            while last > node.line and not self.lines[last].strip(BLANK) and not self._keeps(node):
                last -= 1
        return last

    def _keeps(self, node: Place) -> bool:
        """Whether empty lines at the end of a literal text are part of it."""
        return "+" in self.lines[node.line][node.column:].partition("#")[0]

    def _alone(self, key: Place) -> bool:
        """Whether nothing but dashes stands before a key."""
        return not self.lines[key.line][:key.column].strip(" -")

    def _dash(self, item: Place) -> int:
        """The line of the dash of an item."""
        at = item.line
        if _DASH.fullmatch(self.lines[at][:item.column]):
            return at
        while at > 0 and (at == item.line or self.lines[at].strip(BLANK)[:1] in ("", "#")):
            at -= 1
        if not _LONE_DASH.fullmatch(self.lines[at]):
            raise Unusual
        return at


def _first(node: Place) -> Place:
    """The first thing that is written of a block mapping (its mark may be that of its anchor)."""
    return (node.fields or [(node, node)])[0][0]
