"""Verbs and options that a page names are there, also where nothing is run: in the text, in files
for CI, in blocks that have an excuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.pages import blocks, name, pages, tokens
from tiny_cloud.cli import VERBS, cli

SAID = re.compile(r"\btinycloud ([a-z]+)((?: [^\s|&;`#)]+)*)")
OPTION = re.compile(r"(?<!\S)--?[a-z][a-z-]*")
OF_OTHERS = {"--regenerate"}
"""Options of other programs that the text names alone."""


def said(page: Path) -> Iterator[str]:
    """Code in the text, and lines of blocks."""
    for token in tokens(page):
        for part in token.children or ():
            if part.type == "code_inline":
                yield part.content
    for block in blocks(page):
        if block.language != "text":
            yield from block.text.splitlines()


def options(command: click.Command) -> set[str]:
    own = {word for option in command.params for word in option.opts if word.startswith("-")}
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union({"-h", "--help"}, *map(options, below))


def verb(word: str) -> click.Command | None:
    return cli.get_command(click.Context(cli), word)


ALL = set().union(*(options(command) for word in VERBS if (command := verb(word))))


@pytest.mark.parametrize("page", pages(), ids=name)
def test_what_is_said_to_be_typed_can_be_typed(page: Path) -> None:
    for words in said(page):
        for called, rest in SAID.findall(words):
            command = verb(called)
            assert command, f"there is no verb {called}: {words}"
            unknown = set(OPTION.findall(rest)) - options(command)
            assert not unknown, f"{called} has no {unknown}: {words}"


@pytest.mark.parametrize("page", [page for page in pages() if "docs" in page.parts], ids=name)
def test_an_option_that_is_named_alone_is_one_of_ours(page: Path) -> None:
    for words in said(page):
        if words.startswith("--"):
            assert set(OPTION.findall(words)) <= ALL | OF_OTHERS, words
