"""The host's own devices, as the kernel lists them in sysfs (sysfs-bus-usb, sysfs-bus-pci)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tiny_cloud.facts import HostDevices


def present(sysfs: Path) -> HostDevices:
    """A bus that this kernel does not know has no devices."""
    return HostDevices(
        pci=_names(sysfs / "bus/pci/devices"),
        usb=frozenset(_usb(sysfs / "bus/usb/devices")),
        cards=_names(sysfs / "class/net"),
    )


def _names(folder: Path) -> frozenset[str]:
    with suppress(FileNotFoundError):
        return frozenset(entry.name for entry in folder.iterdir())
    return frozenset()


def _usb(folder: Path) -> Iterator[str]:
    for name in _names(folder):
        # An interface of a device has none of its own; a device may be pulled out meanwhile.
        with suppress(FileNotFoundError, NotADirectoryError):
            vendor, product = ((folder / name / file).read_text().strip()
                               for file in ("idVendor", "idProduct"))
            yield f"{vendor}:{product}"
