"""The processor (https://libvirt.org/formatdomain.html#cpu-model-and-topology).

Without a declared mode it is whatever ``definition.set_acceleration`` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.libvirt_xml.elements import E, Element, child
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.model import Value

SHAPE = ("sockets", "dies", "cores", "threads")
EXPANDED = ("host-model", "custom")
"""Modes that libvirt replaces at the start by a model with all features that the guest got."""
HAS, HAS_NOT = ("require", "force"), ("disable", "forbid")


def write(root: Element, spec: Mapping[str, Any]) -> None:
    declared = spec.get("cpu", {})
    if not declared:
        return
    cpu = child(root, "cpu")
    if "mode" in declared:
        _mode(cpu, declared["mode"], declared.get("model", ""))
    for item in declared.get("features", ()):
        feature = cpu.find(f"feature[@name='{item['name']}']")
        if feature is None:
            feature = etree.SubElement(cpu, "feature", name=item["name"])
        feature.set("policy", item.get("policy", "require"))
    if "topology" in declared:
        words: dict[str | bytes, str | bytes] = {
            key: str(declared["topology"].get(key, 1)) for key in SHAPE}
        child(cpu, "topology").attrib.update(words)


def is_declared(spec: Mapping[str, Any]) -> bool:
    """Whether the manifest says which processor, so that the acceleration need not."""
    return "mode" in spec.get("cpu", {})


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    for field in gone:
        if field.startswith("cpu.features["):
            name = field.removeprefix("cpu.features[").partition("]")[0]
            for cpu in root.findall("cpu"):
                for feature in cpu.findall(f"feature[@name='{name}']"):
                    cpu.remove(feature)
        elif field.startswith("cpu.topology."):
            for cpu in root.findall("cpu"):
                drop(cpu, "topology")


def read(root: Element) -> Iterator[tuple[str, Value]]:
    cpu = root.find("cpu")
    if cpu is None:
        return
    model = cpu.findtext("model")
    mode = cpu.get("mode", "custom" if model else None)
    if mode:
        yield "cpu.mode", mode
    if model and mode == "custom":
        yield "cpu.model", model
    for feature in cpu.findall("feature"):
        yield f"cpu.features[{feature.get('name')}].policy", feature.get("policy", "require")
    topology = cpu.find("topology")
    if topology is not None:
        for key in SHAPE:
            yield f"cpu.topology.{key}", int(topology.get(key, "1"))


def as_defined(
    defined: Mapping[str, Value], running: Mapping[str, Value]
) -> Mapping[str, Value]:
    """``running`` in the words of the definition where it is what the definition asks for.

    What libvirt has added at the start cannot be told from what was taken out of the definition
    since: a feature that was removed does not show before it is gone."""
    if running.get("cpu.mode") != "custom" or defined.get("cpu.mode") not in EXPANDED:
        return running
    told = {field: value for field, value in running.items()
            if field in defined or not field.startswith("cpu.features[")}
    if defined["cpu.mode"] == "host-model":
        told["cpu.mode"] = "host-model"
        told.pop("cpu.model", None)
    for field, policy in defined.items():
        if field.startswith("cpu.features[") and _satisfies(running.get(field), policy):
            told[field] = policy
    return told


def _satisfies(got: Value, policy: Value) -> bool:
    if policy in HAS:
        return got in HAS
    return policy == "optional" or got in HAS_NOT or got is None


def _mode(cpu: Element, mode: str, model: str) -> None:
    if (cpu.get("mode"), cpu.findtext("model", "")) == (mode, model):
        return
    # The rest (match, check, vendor …) was meant for what it has been until now.
    cpu.attrib.clear()
    for tag in ("model", "vendor", "maxphysaddr"):
        drop(cpu, tag)
    cpu.set("mode", mode)
    if model:
        cpu.insert(0, E.model(model))
