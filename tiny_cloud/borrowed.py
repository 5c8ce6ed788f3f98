"""Images and disks that are external: only looked at, where they are."""

from __future__ import annotations

from tiny_cloud.facts import ImageFacts, Reader
from tiny_cloud.model import Observed, Unknown


def borrowed(
    host: Reader, path: str, form: str, *, base: bool = False
) -> Observed | Unknown | None:
    """A file or block device of the stated format; None: it is not there.

    A ``base`` stands on nothing, and a disk on at most one image: machines are told of no more.
    """
    info = host.images({path: form}).get(path)
    if not isinstance(info, ImageFacts):
        return info
    if info.encryption:
        return Unknown(f"{path} is encrypted, and the key of an external disk is not kept here",
                       "qemu-img convert makes a plain one of it, or a Disk with encryption")
    if info.backing:
        below = host.images({info.backing: info.backing_format}).get(info.backing)
        single = isinstance(below, ImageFacts) and not below.backing and info.backing_format
        if base or not single:
            return Unknown(f"{path} stands on {info.backing}, and so on",
                           "qemu-img convert makes one image of them")
    use = host.disk_users().get(path)
    running = use is not None and use.running and not base
    return Observed(
        fields={"path": path, "size": info.virtual_size, "format": info.format},
        running=running,
        users=(use.domain,) if use is not None and running else (),
        facts={
            "path": path,
            "virtual_size": info.virtual_size,
            "backing": info.backing,
            "backing_format": info.backing_format,
        },
    )
