"""Writers, one a system: what a manifest wants and what a guest has become file edits."""

from __future__ import annotations

from collections.abc import Mapping

from tiny_cloud.errors import Failure
from tiny_cloud.guests import debian, windows
from tiny_cloud.guests.base import Found, Writer

WRITERS: Mapping[str, Writer] = {
    **dict.fromkeys(debian.Debian.distros, debian.writer),
    **dict.fromkeys(windows.Windows.distros, windows.writer),
}
"""By libguestfs's name of the distribution; a further system is one file and one entry."""


def writer_for(found: Found) -> Writer:
    """Raises Failure, with what was found, for a system nobody has written a writer for."""
    writer = WRITERS.get(found.distro)
    if writer is None:
        version = ".".join(map(str, found.version))
        raise Failure(
            f"the system on the disk is {found.product or 'unnamed'} "
            f"({found.distro or 'unknown'} {version}), whose settings cannot be written yet",
            hint=f"guest settings work for {', '.join(sorted(WRITERS))}; "
                 "leave guest out to start the machine as its image is",
        )
    return writer
