"""No link between the documents leads nowhere: files, and headings in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name, pages, tokens

SITE = [page for page in pages() if page.is_relative_to(ROOT / "docs")]


def links(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for part in token.children or ():
            where = part.attrGet("href") if part.type == "link_open" else part.attrGet("src")
            if where and not re.match(r"[a-z]+:", str(where)):
                yield str(where)


def anchors(page: Path) -> set[str]:
    """As GitHub and the site make them of headings."""
    seen: Counter[str] = Counter()
    found = set()
    stream = tokens(page)
    for token, inline in pairwise(stream):
        if token.type == "heading_open":
            kept = re.sub(r"[^\w\- ]", "", inline.content.lower()).replace(" ", "-")
            found.add(f"{kept}-{seen[kept]}" if seen[kept] else kept)
            seen[kept] += 1
    return found


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        file, _, heading = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name(page)}: {link}"
        assert not heading or heading in anchors(target), f"{name(page)}: {link}"


def test_every_page_is_found_from_the_start_and_in_the_menu() -> None:
    """Also the one that somebody wrote yesterday: a line in docs/index.md and in zensical.toml."""
    start = ROOT / "docs" / "index.md"
    menu = (ROOT / "zensical.toml").read_text()
    linked = {(start.parent / link.partition("#")[0]).resolve() for link in links(start)}
    for page in SITE:
        assert page == start or page in linked, f"docs/index.md does not lead to {name(page)}"
        assert f'"{page.relative_to(start.parent)}"' in menu, f"no {name(page)} in zensical.toml"


@pytest.mark.parametrize("page", SITE, ids=name)
def test_pages_of_the_site_stay_within_it(page: Path) -> None:
    outside = [link for link in links(page) if not
               (page.parent / link.partition("#")[0]).resolve().is_relative_to(ROOT / "docs")]
    assert not outside, f"the site has no page for {outside}"
