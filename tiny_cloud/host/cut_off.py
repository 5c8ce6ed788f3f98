"""Whether what is under way is to be cut off, as by a second Ctrl-C.

One for the process, as its keyboard is. Whatever waits for long looks here from time to time.
"""

from __future__ import annotations

from tiny_cloud.errors import CutOff

GLANCE = 0.2
"""Seconds between two looks."""

_asked = False


def ask(it: bool = True) -> None:
    """Also from the handler of a signal."""
    global _asked
    _asked = it


def asked() -> bool:
    return _asked


def require_not() -> None:
    """Raises CutOff."""
    if _asked:
        raise CutOff
