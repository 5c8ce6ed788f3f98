"""libvirt's XML as pure functions: build a domain, read one, merge into an existing one; the same
for networks."""

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
from tiny_cloud.libvirt_xml.network import RESERVATION, host_entry, read_network
from tiny_cloud.libvirt_xml.network_update import Update, is_updatable, updates
from tiny_cloud.libvirt_xml.network_write import new_network, same_network, write_network
from tiny_cloud.libvirt_xml.ownership import is_of, ownership_of
from tiny_cloud.libvirt_xml.read import bases, chains, disk_paths, pending, read, stamp_of
from tiny_cloud.libvirt_xml.taps import Tap, taps

__all__ = [
    "MEBIBYTE",
    "RESERVATION",
    "USER",
    "DiskDevice",
    "Domain",
    "Forward",
    "Interface",
    "Layer",
    "Source",
    "Tap",
    "Update",
    "aligned",
    "bases",
    "build",
    "chains",
    "derive_mac",
    "derive_uuid",
    "disk_paths",
    "family",
    "host_entry",
    "is_of",
    "is_updatable",
    "merge",
    "new_network",
    "ownership_of",
    "pending",
    "read",
    "read_network",
    "same_network",
    "set_acceleration",
    "stamp_of",
    "taps",
    "updates",
    "write_network",
]
