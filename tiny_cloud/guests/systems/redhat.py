"""Fedora, RHEL and what is built from them."""

from tiny_cloud.guests.systems.linux import NAMED_BY_HOSTNAME, SHARED, System

SYSTEM = System(
    name="redhat",
    # libguestfs calls those that it does not know, and that have /etc/redhat-release, redhat-based.
    distros=("rhel", "fedora", "centos", "rocky", "almalinux", "oraclelinux", "scientificlinux",
             "redhat-based"),
    matters=(*NAMED_BY_HOSTNAME, *SHARED),
    # authselect's profiles of RHEL 9 still say sha512.
    yescrypt={"fedora": 35},
)
