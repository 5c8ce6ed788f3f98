"""The first USB controller (https://libvirt.org/formatdomain.html#controllers); others stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.graft import append
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value

COMPANIONS = {"ich9-uhci1": "0", "ich9-uhci2": "2", "ich9-uhci3": "4"}
"""They serve the USB 1 devices of ich9-ehci1; each has two of its ports, from this one on."""


def write(root: Element, spec: Mapping[str, Any]) -> None:
    model = spec.get("usb")
    if model is None or model == _model(root):
        return
    parent = single.devices(root)
    for controller in _controllers(root):
        if model == "none" or controller.get("index", "0") == "0":
            parent.remove(controller)
    for address in parent.findall("*/address[@type='usb'][@bus='0']"):
        # Another controller has other ports.
        device = address.getparent()
        assert device is not None
        device.remove(address)
    append(parent, E.controller(type="usb", index="0", model=model))
    if model == "ich9-ehci1":
        for companion, port in COMPANIONS.items():
            append(parent, E.controller(
                E.master(startport=port), type="usb", index="0", model=companion))


def read(root: Element) -> Iterator[tuple[str, Value]]:
    yield "usb", _model(root)


def _model(root: Element) -> str:
    first = next((item for item in _controllers(root)
                  if item.get("index", "0") == "0" and item.find("master") is None), None)
    return "none" if first is None else first.get("model", "")


def _controllers(root: Element) -> list[Element]:
    return root.findall("devices/controller[@type='usb']")
