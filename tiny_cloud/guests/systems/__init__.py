"""Systems, one file a family: a further one is its file and an entry here."""

from __future__ import annotations

from collections.abc import Mapping

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Found, Writer
from tiny_cloud.guests.systems import alpine, arch, debian, redhat, suse
from tiny_cloud.guests.systems.linux import System
from tiny_cloud.guests.windows import Windows

SYSTEMS: tuple[System | Windows, ...] = (
    debian.SYSTEM, redhat.SYSTEM, suse.SYSTEM, arch.SYSTEM, alpine.SYSTEM, Windows(),
)
BY_NAME: Mapping[str, Writer] = {system.name: system for system in SYSTEMS}
"""By the word of the manifest's field ``system``."""
BY_DISTRO: Mapping[str, Writer] = {
    distro: system for system in SYSTEMS for distro in system.distros}


def writer_for(found: Found, named: str = "") -> Writer:
    """Whose rules hold: of the family that is ``named``, else of what inspection found.

    Raises Failure, with what was found, for a system nobody has written a writer for.
    """
    system = BY_NAME[named] if named else BY_DISTRO.get(found.distro)
    if system is None:
        version = ".".join(map(str, found.version))
        raise Failure(
            f"the system on the disk is {found.product or 'unnamed'} "
            f"({found.distro or 'unknown'} {version}), whose settings cannot be written yet",
            hint=f"guest settings work for {', '.join(sorted(BY_DISTRO))}; if it is built like one "
                 f"of them, write system: with one of {', '.join(sorted(BY_NAME))}; leave guest out"
                 " to start the machine as its image is",
        )
    return system
