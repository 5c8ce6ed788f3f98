"""The system's name, whole as the manifest says it, and its own line in /etc/hosts."""

from __future__ import annotations

from tiny_cloud.cloudinit.base import Piece, Settings


def hostname(settings: Settings) -> Piece:
    name = settings.get("hostname")
    if not name:
        return {"preserve_hostname": True}
    whole = {"fqdn": name} if "." in name else {}
    # Debian's images write /etc/hosts anew from a template at each boot, all of it, unless told.
    return {"hostname": name.partition(".")[0], **whole, "prefer_fqdn_over_hostname": True,
            "preserve_hostname": False, "manage_etc_hosts": "localhost"}
