"""Memory and memory modules (https://libvirt.org/formatdomain.html#memory-allocation).

libvirt's ``<memory>`` is all there is at boot, modules included; ours is what is there without
them. Where there are NUMA cells, libvirt takes their sizes and ignores what ``<memory>`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.aliases import PREFIXES, alias_of, name_of
from tiny_cloud.libvirt_xml.domain import aligned
from tiny_cloud.libvirt_xml.elements import E, Element, child
from tiny_cloud.libvirt_xml.graft import aliased, append
from tiny_cloud.libvirt_xml.parts import several, single
from tiny_cloud.model import Value
from tiny_cloud.sizes import parse_size

UNITS = {"b": 1, "bytes": 1, "KB": 10**3, "k": 1 << 10, "KiB": 1 << 10, "MB": 10**6,
         "M": 1 << 20, "MiB": 1 << 20, "GB": 10**9, "G": 1 << 30, "GiB": 1 << 30,
         "TB": 10**12, "T": 1 << 40, "TiB": 1 << 40}
SLOTS = 16
KIND = "dimms"


def write(root: Element, spec: Mapping[str, Any]) -> None:
    """``root`` has what the machine boots with as ``<memory>`` and ``<currentMemory>`` already."""
    boot = size_of(root.find("memory"))
    if "maxMemory" in spec:
        room = spec["maxMemory"]
        element = child(root, "maxMemory")
        set_size(element, parse_size(room["size"]))
        element.set("slots", str(room.get("slots", SLOTS)))
        _cell(root)
    for item in spec.get("dimms", ()):
        _put_module(root, _module(item))
    total = boot + _modules(root)
    set_size(child(root, "memory"), total)
    set_size(child(root, "currentMemory"), parse_size(spec.get("currentMemory", total)))
    cells = root.findall("cpu/numa/cell")
    if len(cells) == 1:
        vcpu = root.findtext("vcpu", "1")
        cells[0].set("cpus", f"0-{int(vcpu) - 1}" if vcpu != "1" else "0")
        cells[0].set("memory", str(boot // 1024))
        cells[0].set("unit", "KiB")


def name(root: Element, spec: Mapping[str, Any]) -> None:
    several.name(root, "memory", list(map(_module, spec.get("dimms", ()))), identity)


def identity(module: Element) -> tuple[object, ...]:
    return (module.get("model"), size_of(module.find("target/size")),
            module.findtext("target/node", "0"))


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    for field in gone:
        if field.startswith("dimms["):
            word = field.removeprefix("dimms[").partition("]")[0]
            module = aliased(root.findall("devices/memory"), PREFIXES[KIND] + word)
            if module is not None:
                single.devices(root).remove(module)
        elif field == "maxMemory.size":
            for element in (*root.findall("maxMemory"), *root.findall("cpu/numa")):
                parent = element.getparent()
                if parent is not None and len(element) < 2:
                    parent.remove(element)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    """``currentMemory`` of a running machine is its balloon's, which moves all the time."""
    total = size_of(root.find("memory"))
    current = root.find("currentMemory")
    # Somebody's definition may have odd sizes, which libvirt rounds up at each start.
    yield "memory", aligned(total - _modules(root))
    yield "currentMemory", aligned(total if current is None else size_of(current))
    room = root.find("maxMemory")
    if room is not None:
        yield "maxMemory.size", size_of(room)
        yield "maxMemory.slots", int(room.get("slots", "0"))
    for device in root.findall("devices/memory[@model='dimm']"):
        if word := name_of(device, KIND):
            field = f"dimms[{word}]"
            yield f"{field}.size", size_of(device.find("target/size"))
            yield f"{field}.node", int(device.findtext("target/node", "0"))


def size_of(element: Element | None) -> int:
    """Bytes."""
    if element is None:
        return 0
    return int(element.text or "0") * UNITS[element.get("unit", "KiB")]


def _modules(root: Element) -> int:
    return sum(size_of(size) for size in root.findall("devices/memory/target/size"))


def set_size(element: Element, size: int) -> None:
    element.text = str(aligned(size) // 1024)
    element.set("unit", "KiB")


def _cell(root: Element) -> None:
    """Modules need a NUMA node to be plugged into; what it is made of, ``write`` says."""
    numa = child(child(root, "cpu"), "numa")
    if not len(numa):
        numa.append(E.cell(id="0"))


def _module(item: Mapping[str, Any]) -> Element:
    fresh = E.memory(
        E.target(E.size(unit="KiB"), E.node(str(item.get("node", 0)))),
        several.alias(KIND, item["name"]),
        model="dimm",
    )
    set_size(next(fresh.iter("size")), parse_size(item["size"]))
    return fresh


def _put_module(root: Element, fresh: Element) -> None:
    parent = single.devices(root)
    old = aliased(parent.findall("memory"), alias_of(fresh))
    if old is None:
        append(parent, fresh)
    elif not single.covers(old, fresh):
        fresh.extend(old.findall("address"))
        parent.replace(old, fresh)
