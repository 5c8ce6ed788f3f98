"""The nearest of the names there are, for "did you mean …?"."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 64
"""Beyond this a word is no typing error, and comparing it would only cost time."""
MOST_LOOKED_FOR = 20
"""Names for which a nearest one is looked for, of one mapping or one kind of problem."""
MOST = 200
"""Among more names than this only those with the same first letter are compared."""


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The one name that looks most like the word; case does not count."""
    if len(word) > LONGEST:
        return None
    known = {name.lower(): name for name in sorted(names, reverse=True)}
    if len(known) > MOST:
        known = {key: name for key, name in known.items() if key[:1] == word[:1].lower()}
    found = get_close_matches(word.lower(), list(known)[:MOST], n=1, cutoff=0.6)
    return known[found[0]] if found else None


def hint(word: str, names: Iterable[str], label: str) -> str:
    """``did you mean memory?``, or with nothing near, ``LABEL: a, b, c``."""
    known = sorted(names)
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {near}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"{label}: {shown}" if known else ""
