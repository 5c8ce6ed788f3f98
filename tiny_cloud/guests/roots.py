"""Which of the systems that inspection found on a disk is the one to edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from tiny_cloud.errors import Failure


class Root(Struct, frozen=True):
    """A system on a disk, as libguestfs's inspection describes it."""

    device: str
    """As the appliance names it; a logical volume or a btrfs subvolume too."""
    type: str
    distro: str
    version: tuple[int, int]
    product: str
    packages: str
    """The package format: deb, rpm…"""
    mountpoints: Mapping[str, str]
    """From the guest's own fstab: folder -> device."""

    @property
    def name(self) -> str:
        """``debian 12.5``: the product is sometimes no more than a number."""
        return f"{self.distro} {self.version[0]}.{self.version[1]}"


LINUX_EXT = ("ext2", "ext3", "ext4")
NEVER_TOUCHED = ("/boot/efi", "/efi")
"""Not ext, on many a disk, and nobody's settings lie there."""
ENCRYPTED = frozenset({"crypto_LUKS", "BitLocker"})
"""What blkid calls partitions that a guest has encrypted itself."""
TOUCHED = ("/etc", "/home", "/root", "/usr", "/var")
"""Trees that writers read or write: written below a mount point, an edit would not be seen."""


def only_root(roots: Sequence[Root], filesystems: Mapping[str, str], disk: str) -> Root:
    """The one system there is. Raises Failure if there is none, or more than one."""
    sealed = sorted(device for device, kind in filesystems.items() if kind in ENCRYPTED)
    if not roots and sealed:
        raise Failure(f"the system on {disk} is encrypted from inside ({', '.join(sealed)})",
                      hint="only who has its key can write its settings: from inside, once it runs;"
                           " leave guest out")
    if not roots:
        held = ", ".join(f"{device}: {kind}" for device, kind in sorted(filesystems.items()))
        raise Failure(f"no operating system was found on {disk}",
                      hint="it takes a disk with an installed system on it",
                      detail=f"file systems on it: {held or 'none'}")
    if len(roots) > 1:
        listed = ", ".join(f"{root.name} on {root.device}" for root in roots)
        raise Failure(f"{len(roots)} operating systems were found on {disk}: {listed}",
                      hint="it takes a disk with exactly one system")
    return roots[0]


def refuse_missing(failed: Mapping[str, str], disk: str) -> tuple[str, ...]:
    """Raises Failure if a part of the guest could not be mounted that edits may lie in.

    ``failed`` has mount point -> what the appliance said. What remains is returned as sentences.
    """
    for place, why in sorted(failed.items()):
        if place == "/" or any(place == tree or place.startswith(f"{tree}/") for tree in TOUCHED):
            raise Failure(f"{place} of the guest on {disk} could not be mounted", detail=why,
                          hint="its own /etc/fstab asks for it; is another disk missing?"
                          if place != "/" else "can the guest itself still write to it?")
    return tuple(f"{place} of the guest could not be mounted, and stays as it is"
                 for place in sorted(failed))


def partitions(root: Root, types: Mapping[str, str]) -> Mapping[str, int] | None:
    """Mount point -> the number of its partition, on the only disk of an appliance; None if
    anything of the system is not a plain partition with an ext file system.

    Such clones may share an appliance. What takes LVM or RAID is found by UUIDs, which clones have
    in common, and btrfs refuses a second one of a UUID.
    """
    found = {}
    for place, device in root.mountpoints.items():
        if place in NEVER_TOUCHED:
            continue
        number = device.removeprefix("/dev/sda")
        if types.get(device) not in LINUX_EXT or not (number.isascii() and number.isdecimal()):
            return None
        found[place] = int(number)
    return found if "/" in found else None
