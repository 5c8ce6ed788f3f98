"""What boots the machine, and the memory in which EFI keeps its variables, its NVRAM
(https://libvirt.org/formatdomain.html#bios-bootloader).

libvirt chooses the files of the firmware; ours is only where the NVRAM lies. That with Microsoft's
keys in it and that without any are two files, so that neither is ever taken for the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.libvirt_xml.elements import E, Element, child
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.model import Value

SECURE = "secure-boot"
FEATURES = ("enrolled-keys", SECURE)


def write(root: Element, spec: Mapping[str, Any], nvram: str) -> None:
    """``nvram`` is the path of the NVRAM but for its ending; empty: libvirt's to choose."""
    now = dict(read(root))
    wanted = spec.get("firmware", now["firmware"])
    secure = spec.get("secureBoot", now.get("secureBoot", False))
    if wanted == now["firmware"] and (wanted == "bios" or secure == now.get("secureBoot")
                                      or "secureBoot" not in spec):
        return
    system = child(root, "os")
    system.attrib.clear()
    for tag in ("firmware", "loader", "nvram"):
        drop(system, tag)
    for features in root.findall("features"):
        drop(features, "smm")
    if wanted == "efi":
        _efi(root, system, secure, nvram)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    """``secureBoot`` is not known where libvirt is free to choose: it does so at each start."""
    loader, feature = root.find("os/loader"), root.find(f"os/firmware/feature[@name='{SECURE}']")
    chosen = root.find("os[@firmware='efi']") is not None
    if not chosen and (loader is None or loader.get("type") != "pflash"):
        yield "firmware", "bios"
        yield "secureBoot", False
        return
    yield "firmware", "efi"
    if feature is not None:
        yield "secureBoot", feature.get("enabled") == "yes"
    elif loader is not None:
        yield "secureBoot", loader.get("secure") == "yes"


def warnings(fields: Mapping[str, Value], spec: Mapping[str, Any]) -> Iterator[str]:
    """What a change to the declared firmware costs; ``fields`` as they are now."""
    now = {key: fields.get(key) for key in ("firmware", "secureBoot")}
    if now["firmware"] == "efi" and any(spec.get(key, value) != value
                                        for key, value in now.items()):
        yield "with another firmware the boot entries that the guest has made are lost"


def nvram_of(xml: str) -> str:
    """Where the definition says that it is; empty: it has none, or libvirt chooses the place."""
    if "<nvram" not in xml:
        return ""  # most machines have none
    return (etree.fromstring(xml).findtext("os/nvram") or "").strip()


def _efi(root: Element, system: Element, secure: bool, nvram: str) -> None:
    system.set("firmware", "efi")
    enabled = "yes" if secure else "no"
    system.append(E.firmware(*(E.feature(enabled=enabled, name=name) for name in FEATURES)))
    if nvram:
        system.append(E.nvram(f"{nvram}.secure.fd" if secure else f"{nvram}.fd"))
    if secure:
        # Or the guest could write the variables that it must not.
        child(root, "features").append(E.smm(state="on"))
