"""No pattern of a schema can be made to search for ever (goal 13)."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from tests.goals import scaled, seen
from tiny_cloud.schema.files import kinds, schema_of

LENGTH, SECONDS = 20_000, 1.0
BEGINS = ("", "a", "/", "a=/", "ALL=(ALL) ", "ALL=(ALL) NOPASSWD: ALL", "ssh-rsa A", "https://",
          "$6$", "iqn.", "[", "a=(", "a=!/")
REPEATED = ("a", "0", "/", ".", "-", ",", " ", ":", "=", "a.", "a-", "a ", "/a", "ALL=",
            "NOPASSWD:", "ssh-rsa A ", "a=/,", ", ", "::")
ENDS = ("#", "\x7f", "é")


def patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        yield from node.get("patternProperties", {})
        node = list(node.values())
    for below in node if isinstance(node, list) else ():
        yield from patterns(below)


@pytest.mark.goal(13)
@pytest.mark.timeout(1200)
def test_no_pattern_searches_for_ever() -> None:
    """sudo's once did, for as long as the universe lasts, on a rule of ten thousand commas."""
    found = sorted({pattern for kind in kinds() for pattern in patterns(schema_of(kind))})
    texts = list(itertools.product(BEGINS, REPEATED, ENDS))[::scaled(4, 1)]

    def late(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"{pattern!r} on {begin!r} + {item!r} … {end!r}")

    signal.signal(signal.SIGALRM, late)
    for pattern in found:
        for begin, item, end in texts:
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            re.search(pattern, begin + item * (LENGTH // len(item)) + end)
    signal.setitimer(signal.ITIMER_REAL, 0)
    seen(13, f"texts of 20,000 characters against each of {len(found)} patterns of the schemas",
         len(texts) * len(found))
