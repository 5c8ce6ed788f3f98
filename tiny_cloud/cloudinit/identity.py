"""SSH host keys: fresh on each new disk, and kept when a setting changes."""

from __future__ import annotations

from tiny_cloud.cloudinit.base import Piece, once
from tiny_cloud.guests.ssh import TYPES


def identity(disk: str) -> Piece:
    """``disk``: which very disk it is. cloud-init by itself would make new keys whenever its
    instance-id is another; so it is told to make those that are missing, and an image's own go
    once."""
    gone = once(f"host-keys-{disk}", "sh", "-c", "rm -f /etc/ssh/ssh_host_*", per="once")
    return {"ssh_deletekeys": False, "ssh_genkeytypes": list(TYPES), "bootcmd": [gone]}
