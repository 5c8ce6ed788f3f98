"""libvirt's domain XML as pure functions: build a new one, read one, merge into an existing one."""

from tiny_cloud.libvirt_xml import coherence, hotplug, live_changes, needs, parts
from tiny_cloud.libvirt_xml.definition import build, set_acceleration
from tiny_cloud.libvirt_xml.domain import (
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
    "derive_mac",
    "derive_uuid",
    "device_aliases",
    "disk_paths",
    "family",
    "hotplug",
    "live_changes",
    "merge",
    "needs",
    "nvram_of",
    "parts",
    "pending",
    "read",
    "set_acceleration",
    "stamp_of",
]
