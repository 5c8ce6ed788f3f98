"""Which of a system's kernels is the newest, by the names of the files in its /boot."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tiny_cloud.errors import Failure

KERNEL = "vmlinuz-"
INITRDS = ("initrd.img-{}", "initramfs-{}.img", "initrd-{}")
"""As Debian, Fedora and SUSE call the initial ramdisk of a version."""


def newest(names: Iterable[str]) -> tuple[str, str, str]:
    """Version, kernel and initial ramdisk. Raises Failure if there is no kernel with one.

    Links such as ``/vmlinuz`` do not count: who made them may have meant another."""
    there = set(names)
    versions = (name.removeprefix(KERNEL) for name in there if name.startswith(KERNEL))
    for version in sorted(versions, key=_order, reverse=True):
        for pattern in INITRDS:
            if pattern.format(version) in there:
                return version, f"{KERNEL}{version}", pattern.format(version)
    raise Failure("there is no kernel with an initial ramdisk in its /boot",
                  hint="write kernel.path with a file of the host, or let the disk boot by itself",
                  detail="\n".join(sorted(there)))


def _order(version: str) -> tuple[tuple[int, int, str], ...]:
    """6.1.0-9 < 6.1.0-28, and 6.12~rc1 < 6.12, as Debian and RPM compare."""
    parts = re.findall(r"\d+|[^\d]+", re.sub(r"[-~.]rc", "~", version))
    order = [(1, int(part), "") if part.isdigit() else (-1 if part.startswith("~") else 0, 0, part)
             for part in parts]
    return (*order, (0, 0, ""))
