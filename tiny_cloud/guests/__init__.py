"""Writers, one a system: what a manifest wants and what a guest has become file edits."""

from __future__ import annotations

from tiny_cloud.guests.base import Found, Writer
from tiny_cloud.guests.systems import system_of


def writer_for(found: Found, system: str = "") -> Writer:
    """Of the system that was found, or of the family that the manifest's field ``system`` names.

    Raises Failure, with what was found, for a system nobody has written a writer for.
    """
    return system_of(found, system)
