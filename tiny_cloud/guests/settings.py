"""The matters that every Linux shares, but for those of the network and of the accounts."""

from __future__ import annotations

from tiny_cloud.guests import (
    boot_loader,
    first_boot,
    package_proxy,
    placed,
    region,
    sshd,
    sudo,
    sysprep,
)
from tiny_cloud.guests.base import Matter

FIRST: tuple[Matter, ...] = (region, package_proxy, boot_loader, sudo, sshd, first_boot)
LAST: tuple[Matter, ...] = (placed, sysprep)
"""After homes, so that a user's files find a folder to be put into."""
