"""What the documents tell people to type is typed, and prints what they show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import host
from tests.docs.pages import blocks, name, pages
from tests.docs.reader import Reader, reading

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

OTHERS = {"docs/api.md"}
"""Followed by tests/integration/test_python_api.py."""
TOLD = [page for page in pages() if name(page) not in OTHERS
        and any(block.language in ("console", "python") and not block.excuse
                for block in blocks(page))]
LONG = {"docs/howto/encrypted-disks.md"}
"""LUKS derives its keys slowly, as it should."""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with host.images(tmp_path_factory.mktemp("mirror")) as url:
        yield url


@pytest.fixture
def reader(mirror: str) -> Iterator[Reader]:
    with reading(mirror) as one:
        yield one


@pytest.mark.parametrize("page", [
    pytest.param(page, id=name(page), marks=[pytest.mark.long] * (name(page) in LONG))
    for page in TOLD
])
def test_a_page_is_followed(page: Path, reader: Reader) -> None:
    for block in blocks(page):
        if not block.excuse:
            reader.follow(block)
