"""The pages, and the blocks of code in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
NOT_RUN = re.compile(r"<!--\s*not run:\s*(.+?)\s*-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """``line`` counts from 1; ``title`` is the file that it is; ``excuse`` is why it is not run."""

    page: Path
    line: int
    language: str
    title: str
    text: str
    excuse: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """All that people read, but what is written by measuring."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def blocks(page: Path) -> Iterator[Block]:
    excuse = ""
    for token in tokens(page):
        if token.type == "html_block" and (found := NOT_RUN.search(token.content)):
            excuse = " ".join(found[1].split())
        elif token.type in ("fence", "code_block"):
            yield _block(page, token, excuse)
            excuse = ""
        elif token.type.endswith("_open") and token.level == 0:
            excuse = ""


def _block(page: Path, token: Token, excuse: str) -> Block:
    assert token.map
    language, _, attributes = token.info.strip().partition(" ")
    words = dict(word.split("=", 1) for word in shlex.split(attributes))
    return Block(page, token.map[0] + 1, language, words.get("title", ""), token.content, excuse)
