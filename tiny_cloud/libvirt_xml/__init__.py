"""libvirt's domain XML as pure functions: build a new one, read one, merge into an existing one."""

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
from tiny_cloud.libvirt_xml.merge import merge, renamed
from tiny_cloud.libvirt_xml.read import bases, chains, disk_paths, pending, read, stamp_of

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
    "derive_mac",
    "derive_uuid",
    "disk_paths",
    "family",
    "merge",
    "pending",
    "read",
    "renamed",
    "set_acceleration",
    "stamp_of",
]
