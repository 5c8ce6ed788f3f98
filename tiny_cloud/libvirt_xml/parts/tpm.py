"""An emulated TPM (https://libvirt.org/formatdomain.html#tpm-device)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element, attribute
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value

VERSION = "2.0"


def write(root: Element, spec: Mapping[str, Any]) -> None:
    declared = spec.get("tpm")
    if declared is None:
        single.take(root, "tpm")
        return
    backend = E.backend(type="emulator", version=declared.get("version", VERSION))
    single.put(root, E.tpm(backend, single.named("tpm"), model=declared["model"]))


def read(root: Element) -> Iterator[tuple[str, Value]]:
    device = root.find("devices/tpm")
    if device is not None:
        kind, version = (attribute(device, "backend", word) for word in ("type", "version"))
        yield "tpm.model", device.get("model", "")
        # One of the host's own has no version that anybody could declare.
        yield "tpm.version", (version or VERSION) if kind == "emulator" else kind
