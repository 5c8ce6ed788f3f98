"""Debian, Ubuntu and what is built like them."""

from tiny_cloud.guests.systems.linux import NAMED_BY_HOSTS, SHARED, System

SYSTEM = System(
    name="debian",
    distros=("debian", "ubuntu", "raspbian", "kalilinux", "linuxmint"),
    matters=(*NAMED_BY_HOSTS, *SHARED),
    # PAM of Debian 11 and Ubuntu 22.04 on.
    yescrypt={"debian": 11, "ubuntu": 22},
)
