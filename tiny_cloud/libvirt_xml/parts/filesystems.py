"""Folders of the host in the guest (https://libvirt.org/formatdomain.html#filesystems).

virtiofsd reads and writes the guest's memory, so that has to be shared with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element, attribute
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.libvirt_xml.parts import several
from tiny_cloud.model import Value

KIND = "filesystems"
DRIVERS = {"virtiofs": ("virtiofs", "passthrough"), "9p": ("path", "mapped")}
"""As a guest's ``mount -t`` calls them: libvirt's driver, and whose rights count on the host. With
9p those of the qemu user; what the guest says of owners is kept in extended attributes."""
VIRTIOFS = "devices/filesystem/driver[@type='virtiofs']"
SHARED = (("source", {"type": "memfd"}), ("access", {"mode": "shared"}))


def write(root: Element, spec: Mapping[str, Any]) -> None:
    had = root.find(VIRTIOFS) is not None
    several.put(root, "filesystem", KIND, _wanted(spec), tag)
    writable = {item["name"] for item in spec.get("filesystems", ())
                if item.get("readonly") is False}
    for word, device in several.ours(root, "filesystem", KIND):
        if word in writable:
            drop(device, "readonly")
    if root.find(VIRTIOFS) is not None:
        _share(root)
    elif had:
        _unshare(root)


def name(root: Element, spec: Mapping[str, Any]) -> None:
    several.name(root, "filesystem", _wanted(spec), tag)


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    for word, device in several.ours(root, "filesystem", KIND):
        if f"filesystems[{word}].readonly" in gone:
            drop(device, "readonly")


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for word, device in several.ours(root, "filesystem", KIND):
        path = f"filesystems[{word}]"
        yield f"{path}.path", attribute(device, "source", "dir")
        virtiofs = attribute(device, "driver", "type") == "virtiofs"
        yield f"{path}.driver", "virtiofs" if virtiofs else "9p"
        yield f"{path}.readonly", device.find("readonly") is not None


def _wanted(spec: Mapping[str, Any]) -> list[Element]:
    return [_element(item) for item in spec.get("filesystems", ())]


def _element(item: Mapping[str, Any]) -> Element:
    driver, rights = DRIVERS[item.get("driver", "virtiofs")]
    flags = (E.readonly(),) if item.get("readonly") else ()
    return E.filesystem(
        E.driver(type=driver), E.source(dir=item["path"]), E.target(dir=item["name"]), *flags,
        several.alias(KIND, item["name"]), type="mount", accessmode=rights)


def tag(device: Element) -> str:
    """What the guest mounts it by."""
    return attribute(device, "target", "dir")


def _share(root: Element) -> None:
    backing = root.find("memoryBacking")
    if backing is None:
        backing = E.memoryBacking()
        _place(root).addprevious(backing)
    for tag, words in SHARED:
        element = backing.find(tag)
        if element is None and (tag == "access" or backing.find("hugepages") is None):
            backing.append(E(tag, **words))
        elif element is not None and tag == "access":
            element.set("mode", words["mode"])


def _place(root: Element) -> Element:
    """Where libvirt writes it: before the processors."""
    found = root.find("vcpu")
    return root[-1] if found is None else found


def _unshare(root: Element) -> None:
    """Unless somebody has said more of the memory than we did."""
    backing = root.find("memoryBacking")
    if backing is not None and [(item.tag, dict(item.attrib)) for item in backing] == list(SHARED):
        root.remove(backing)
