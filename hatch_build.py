"""The wheel's build: man pages are made from the verbs' own help, and go under share/man."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):  # type: ignore[misc]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        sys.path.insert(0, str(root))
        try:
            write = runpy.run_path(str(root / "scripts" / "man_pages.py"))["write"]
            for page in write(root / "build" / "man1"):
                build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"
        finally:
            sys.path.remove(str(root))
