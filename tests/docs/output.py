"""Whether a command printed what a page shows."""

from __future__ import annotations

import re

ANYTHING = "…"


def fits(shown: str, printed: str) -> bool:
    """``…`` is anything within its line; alone on a line, it is any number of lines."""
    pattern = ""
    for line in shown.rstrip().splitlines():
        if line.strip() == ANYTHING:
            pattern += r"(?:.*\n)*?"
        else:
            words = map(re.escape, line.rstrip().split(ANYTHING))
            pattern += r"[^\n]*?".join(words) + r"[ ]*\n"
    return re.fullmatch(pattern, printed.rstrip() + "\n") is not None
