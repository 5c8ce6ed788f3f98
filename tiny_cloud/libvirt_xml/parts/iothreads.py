"""Threads of their own for disks (https://libvirt.org/formatdomain.html#iothreads-allocation).

A virtio disk names its thread itself; those on scsi have that of their controller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.aliases import PREFIXES, name_of
from tiny_cloud.libvirt_xml.elements import Element, attribute, child
from tiny_cloud.libvirt_xml.graft import aliased
from tiny_cloud.model import Value

ATTRIBUTE = "iothread"


def write(root: Element, spec: Mapping[str, Any]) -> None:
    wanted = {item["name"]: int(item[ATTRIBUTE]) for item in spec.get("disks", ())
              if ATTRIBUTE in item}
    for name, number in wanted.items():
        disk = aliased(root.findall("devices/disk"), PREFIXES["disks"] + name)
        if disk is not None:
            _set(root, disk, number)
    _provide(root, wanted.values())


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    for field, number in gone.items():
        name, _, word = field.removeprefix("disks[").partition("].")
        if word != ATTRIBUTE:
            continue
        disk = aliased(root.findall("devices/disk"), PREFIXES["disks"] + name)
        driver = None if disk is None else _driver(root, disk)
        if driver is not None and driver.attrib.pop(ATTRIBUTE, ""):
            _trim(root, number)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for disk in root.iterfind("devices/disk"):
        driver = _driver(root, disk)
        if driver is not None and ATTRIBUTE in driver.attrib:
            name = name_of(disk, "disks") or attribute(disk, "target", "dev")
            yield f"disks[{name}].{ATTRIBUTE}", int(driver.get(ATTRIBUTE, ""))


def numbers(root: Element) -> frozenset[int]:
    """Of all threads that there are: those that are named, and the first free ones for the rest."""
    found = {int(item.get("id", "0")) for item in root.iterfind("iothreadids/iothread")}
    free = (number for number in range(1, 1 << 31) if number not in found)
    while len(found) < int(root.findtext("iothreads", "0")):
        found.add(next(free))
    return frozenset(found)


def of_scsi(root: Element) -> int:
    """The thread of the disks on scsi; 0: they have none."""
    return int(attribute(root, "devices/controller[@type='scsi']/driver", ATTRIBUTE) or "0")


def _set(root: Element, disk: Element, number: int) -> None:
    if _is_scsi(disk):
        for driver in disk.findall("driver"):
            driver.attrib.pop(ATTRIBUTE, "")
        controller = _controller(root, disk)
        if controller is not None:
            child(controller, "driver").set(ATTRIBUTE, str(number))
    else:
        child(disk, "driver").set(ATTRIBUTE, str(number))


def _driver(root: Element, disk: Element) -> Element | None:
    owner = _controller(root, disk) if _is_scsi(disk) else disk
    return None if owner is None else owner.find("driver")


def _is_scsi(disk: Element) -> bool:
    return attribute(disk, "target", "bus") == "scsi"


def _controller(root: Element, disk: Element) -> Element | None:
    index = attribute(disk, "address", "controller") or "0"
    return root.find(f"devices/controller[@type='scsi'][@index='{index}']")


def _provide(root: Element, wanted: Collection[int]) -> None:
    there = numbers(root)
    if set(wanted) <= there:
        return
    named = root.find("iothreadids")
    if named is None:
        child(root, "iothreads").text = str(max(wanted))
        return
    # One more name would take the place of a nameless one.
    known = {int(item.get("id", "0")) for item in named}
    for number in sorted((there | set(wanted)) - known):
        named.append(named.makeelement("iothread", {"id": str(number)}))
    child(root, "iothreads").text = str(len(named))


def _trim(root: Element, number: Value) -> None:
    """The last thread goes with its last disk; one in the middle would take another's number."""
    used = {int(str(item.get(ATTRIBUTE))) for item in root.iter("driver") if item.get(ATTRIBUTE)}
    there = root.find("iothreads")
    if there is None or root.find("iothreadids") is not None or there.text != str(number):
        return
    if used:
        there.text = str(max(used))
    else:
        root.remove(there)
