"""libvirt's domain XML as pure functions: build a new one, read one, merge into an existing one."""

from tiny_cloud.libvirt_xml import coherence, declared, hotplug, live_changes, parts
from tiny_cloud.libvirt_xml.definition import build, set_acceleration
from tiny_cloud.libvirt_xml.domain import (
    LOOPBACK,
    MEBIBYTE,
    USER,
    DiskDevice,
    Domain,
    Forward,
    Interface,
    Layer,
    Source,
    aligned,
    family,
)
from tiny_cloud.libvirt_xml.identity import derive_mac, derive_uuid
from tiny_cloud.libvirt_xml.merge import merge
from tiny_cloud.libvirt_xml.parts.firmware import nvram_of
from tiny_cloud.libvirt_xml.parts.host_devices import devices as host_devices
from tiny_cloud.libvirt_xml.read import (
    bases,
    chains,
    device_aliases,
    disk_paths,
    pending,
    read,
    stamp_of,
)

__all__ = [
    "LOOPBACK",
    "MEBIBYTE",
    "USER",
    "DiskDevice",
    "Domain",
    "Forward",
    "Interface",
    "Layer",
    "Source",
    "aligned",
    "bases",
    "build",
    "chains",
    "coherence",
    "declared",
    "derive_mac",
    "derive_uuid",
    "device_aliases",
    "disk_paths",
    "family",
    "host_devices",
    "hotplug",
    "live_changes",
    "merge",
    "nvram_of",
    "parts",
    "pending",
    "read",
    "set_acceleration",
    "stamp_of",
]
