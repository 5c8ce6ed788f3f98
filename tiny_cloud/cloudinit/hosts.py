"""Further lines of /etc/hosts, in a marked block: cloud-init has no word for them."""

from __future__ import annotations

from tiny_cloud.cloudinit.base import Piece, Settings, once
from tiny_cloud.guests.base import with_block
from tiny_cloud.guests.hosts import PATH, line


def hosts(settings: Settings) -> Piece:
    # Also where none are declared: those of an earlier seed go. bootcmd comes before write_files.
    old = {"bootcmd": [once("hosts", "sed", "-i", "/^# tinycloud: begin$/,/^# tinycloud: end$/d",
                            PATH)]}
    declared = settings.get("hosts")
    if not declared:
        return old
    block = with_block("", map(line, declared))
    return {**old, "write_files": [{"path": PATH, "append": True, "content": block}]}
