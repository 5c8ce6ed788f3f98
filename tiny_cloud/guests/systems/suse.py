"""openSUSE and SLES."""

from tiny_cloud.guests.systems.linux import NAMED_BY_HOSTNAME, SHARED, System

SYSTEM = System(
    name="suse",
    distros=("opensuse", "sles", "suse-based"),
    matters=(*NAMED_BY_HOSTNAME, *SHARED),
    # Tumbleweed's versions are dates (20260101), Leap's are small numbers.
    yescrypt={"opensuse": 20220101},
)
