"""The system's name, and its own line in /etc/hosts.

Whether the short or the whole one is what hostname(1) says is the distribution's habit, which
cloud-init knows (prefer_fqdn_over_hostname).
"""

from __future__ import annotations

from tiny_cloud.cloudinit.base import Piece, Settings


def hostname(settings: Settings) -> Piece:
    name = settings.get("hostname")
    if not name:
        return {"preserve_hostname": True}
    whole = {"fqdn": name} if "." in name else {}
    # Debian's images write /etc/hosts anew from a template at each boot, all of it, unless told.
    return {"hostname": name.partition(".")[0], **whole, "preserve_hostname": False,
            "manage_etc_hosts": "localhost"}
