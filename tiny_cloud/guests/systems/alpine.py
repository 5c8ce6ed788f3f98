"""Alpine Linux: musl, OpenRC, busybox, ifupdown-ng."""

from tiny_cloud.guests.systems.linux import NAMED_BY_HOSTS, SHARED, System

SYSTEM = System(
    name="alpine",
    distros=("alpinelinux",),
    # musl asks /etc/hosts and DNS alone for the machine's own name.
    matters=(*NAMED_BY_HOSTS, *SHARED),
)
