"""Names of manifests for what has names by other people's rules."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection

LONGEST = 63
_ODD = re.compile(r"[^a-z0-9.-]+")


def valid(text: str, taken: Collection[str] = (), longest: int = LONGEST) -> str:
    """The nearest name (``common.json``: ``name``) that is not taken yet."""
    word = _ODD.sub("-", text.lower()).strip(".-")[:longest].strip(".-") or "unnamed"
    numbered = (f"{word[:longest - 4].rstrip('.-')}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([word], numbered) if name not in taken)


def device(text: str, taken: Collection[str] = (), longest: int = 20) -> str:
    """The same for a device of a machine, whose name has no dots."""
    return valid(text.replace(".", "-"), taken, longest)


def of_libvirt(called: str, cloud: str, taken: Collection[str]) -> tuple[str, dict[str, str]]:
    """The name of what libvirt calls so, and the field that says how it does, where that is not
    what it would be called anyway."""
    mine = cloud == "default"
    name = valid(called if mine else called.removeprefix(f"{cloud}-"), taken)
    usual = name if mine else f"{cloud}-{name}"
    return name, {} if called == usual else {"libvirtName": called}
