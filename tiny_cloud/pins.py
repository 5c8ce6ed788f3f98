"""Where manifests lack the digest of what is downloaded, and how it gets there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tiny_cloud.errors import Problem, Span
from tiny_cloud.layout import Place, places
from tiny_cloud.texts import Text
from tiny_cloud.yaml12 import Source, trees

DIGESTS = ("sha256", "sha512")
URL = ("spec", "source", "url")


class Missing(Struct, frozen=True):
    """An image whose content is whatever its server gives out."""

    image: str
    url: str
    sums: str
    """The published sums that its manifest names, or empty."""
    span: Span
    """Where the url stands."""

    def __str__(self) -> str:
        what = "has sums, which may change, and no digest" if self.sums else "has no digest"
        return f"{self.span}: image/{self.image} {what}"


def missing(text: Text) -> Iterator[Missing]:
    """In the order of the lines. Two that stand for one text, by an alias, are one."""
    seen: set[Span] = set()
    for tree in trees(Source(text.name, text.content)):
        source = _source(tree.value)
        span = tree.spans.get(URL)
        if source and span and span not in seen and not source.keys() & set(DIGESTS):
            url, sums = source["url"], source.get("sums", "")
            if isinstance(sums, str) and (sums or url.startswith(("http://", "https://"))):
                seen.add(span)
                yield Missing(str(tree.value["metadata"].get("name", "?")), url, sums, span)


def pinned(content: str, digests: Sequence[tuple[Missing, str, str]]) -> tuple[str, list[Problem]]:
    """The text with the digests (what lacked it, algorithm, digest); sums that they come from go.

    A problem for each that cannot be put there."""
    lines = content.split("\n")
    fields = _fields(content)
    problems = []
    # The last first: so what comes before stays where it is.
    for lack, algorithm, digest in sorted(digests, key=lambda one: one[0].span[1:3], reverse=True):
        place = fields.get((lack.span.line - 1, lack.span.column - 1))
        written = f"{algorithm}: {digest}"
        if place is None or place[1].text != "url" or place[2].line != place[2].end_line:
            problems.append(Problem(f"the url of image/{lack.image} stands elsewhere", lack.span,
                                    f"write {written} beside it yourself"))
            continue
        mapping, key, value = place
        sums = mapping.field("sums")
        if sums and sums[0].line == sums[1].end_line:
            _replace(lines, sums[0].line, sums[0].column, sums[1].end_column, written)
        elif mapping.flow:
            _replace(lines, value.line, value.end_column, value.end_column, f", {written}")
        else:
            ending = "\r" if lines[value.line].endswith("\r") else ""
            lines.insert(value.line + 1, " " * key.column + written + ending)
    return "\n".join(lines), problems


def _source(value: Any) -> Mapping[str, Any] | None:
    """What an Image document says of its url; documents may be wrong in any other way."""
    for key in ("spec", "source"):
        if not isinstance(value, dict) or (key == "spec" and value.get("kind") != "Image"):
            return None
        if key == "spec" and not isinstance(value.get("metadata"), dict):
            return None
        value = value.get(key)
    return value if isinstance(value, dict) and isinstance(value.get("url"), str) else None


def _fields(content: str) -> dict[tuple[int, int], tuple[Place, Place, Place]]:
    """By where a value begins: the mapping, its key and itself."""
    return {(value.line, value.column): (mapping, key, value)
            for root in places(content) for mapping in root.within
            for key, value in mapping.fields or ()}


def _replace(lines: list[str], at: int, first: int, last: int, text: str) -> None:
    lines[at] = lines[at][:first] + text + lines[at][last:]
