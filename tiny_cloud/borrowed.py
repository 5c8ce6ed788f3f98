"""Images and disks that are external: only looked at, where they are."""

from __future__ import annotations

from tiny_cloud import layers
from tiny_cloud.facts import ImageFacts, Reader
from tiny_cloud.model import Observed, Unknown


def borrowed(
    host: Reader, path: str, form: str, *, base: bool = False
) -> Observed | Unknown | None:
    """A file or block device of the stated format; None: it is not there.

    What it stands on has to be there to the last, with every format stated: machines are told all
    of it. It is the image itself that names that, so it has to lie where nothing else does than
    images. A ``base`` is only read.
    """
    info = host.images({path: form}).get(path)
    if not isinstance(info, ImageFacts):
        return info
    if info.encryption:
        return keyless(path)
    below = layers.chains(host, {path: form})[path]
    files = [file for file, _ in below]
    for above, file in zip((path, *files), files, strict=False):
        if not layers.may_name(host, above, file):
            return Unknown(f"{path} stands on {file}, which is neither in its folder nor in the "
                           "cloud's storage, and could be any file of this host",
                           "put both into one folder, or make one image of them: qemu-img convert")
    there = host.images({file: its for file, its in below if its})
    for file in files:
        if not isinstance(there.get(file), ImageFacts):
            return Unknown(f"{path} stands on {file}, which is not there or has no stated format",
                           "qemu-img rebase says where it is now, qemu-img convert makes one image")
    if locked := layers.locked(host, path, below):
        return locked
    use = host.disk_users().get(path)
    running = use is not None and use.running and not base
    return Observed(
        fields={"path": path, "size": info.virtual_size, "format": info.format},
        running=running,
        users=(use.domain,) if use is not None and running else (),
        notes=() if base else layers.depth(below),
        facts={
            "path": path,
            "virtual_size": info.virtual_size,
            "backing": info.backing,
            "below": below,
        },
    )


def keyless(path: str) -> Unknown:
    return Unknown(f"{path} is encrypted, and the key of an external disk is not kept here",
                   "qemu-img convert makes a plain one of it, or a Disk with encryption")
