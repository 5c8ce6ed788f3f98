"""The file in which EFI keeps its variables. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud.steps import MakeFolder, Remove, Step


def renewed(folder: str, old: str, new: str) -> Iterator[Step]:
    """Another firmware starts with fresh variables: ``old`` and ``new`` are their files, if any.

    Before the definition changes: whatever a kill leaves, no variables are left that nobody's
    definition names. What is not in our folder is somebody else's."""
    if old != new and old.startswith(f"{folder}/"):
        yield Remove(old)
    if old != new and new:
        yield MakeFolder(folder, 0o711)
