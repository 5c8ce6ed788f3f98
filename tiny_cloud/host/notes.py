"""What this host has found out once, kept as small JSON files in a cache: tinycloud lives without.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def recall(note: Path) -> Mapping[str, Any]:
    """Empty: it was never known, or can be read or understood no more."""
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(note: Path, known: Mapping[str, Any]) -> None:
    """Unless that cannot be written: then it is found out anew each time."""
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        # A thread's number is its own on the whole host (gettid(2)).
        part = note.with_suffix(f".{threading.get_native_id()}")
        part.write_text(json.dumps(known))
        part.rename(note)
