"""Arch Linux."""

from tiny_cloud.guests.systems.linux import NAMED_BY_HOSTNAME, SHARED, System

SYSTEM = System(
    name="arch",
    distros=("archlinux",),
    matters=(*NAMED_BY_HOSTNAME, *SHARED),
    # It has no versions.
    yescrypt={"archlinux": 0},
)
