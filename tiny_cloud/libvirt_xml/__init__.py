"""libvirt's XML as pure functions: build a domain, read one, merge into an existing one; the same
for networks."""

from tiny_cloud.libvirt_xml import (
    adoption,
    coherence,
    declared,
    hotplug,
    live_changes,
    parts,
    remotes,
)
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
from tiny_cloud.libvirt_xml.merge import merge, renamed
from tiny_cloud.libvirt_xml.network import RESERVATION, host_entry, read_network
from tiny_cloud.libvirt_xml.network_update import Update, is_updatable, updates
from tiny_cloud.libvirt_xml.network_write import new_network, same_network, write_network
from tiny_cloud.libvirt_xml.ownership import is_of, ownership_of
from tiny_cloud.libvirt_xml.parts.firmware import nvram_of
from tiny_cloud.libvirt_xml.parts.graphics import with_passwords
from tiny_cloud.libvirt_xml.parts.host_devices import devices as host_devices
from tiny_cloud.libvirt_xml.read import (
    agent_answers,
    bases,
    chains,
    device_aliases,
    disk_paths,
    has_console,
    open_chains,
    pending,
    read,
    stamp_of,
)
from tiny_cloud.libvirt_xml.secret import secret_xml
from tiny_cloud.libvirt_xml.snapshots import (
    above,
    bare,
    oldest_first,
    overlaid,
    read_snapshot,
    write_snapshot,
)
from tiny_cloud.libvirt_xml.taps import Tap, taps

__all__ = [
    "LOOPBACK",
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
    "above",
    "adoption",
    "agent_answers",
    "aligned",
    "bare",
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
    "has_console",
    "host_devices",
    "host_entry",
    "hotplug",
    "is_of",
    "is_updatable",
    "live_changes",
    "merge",
    "new_network",
    "nvram_of",
    "oldest_first",
    "open_chains",
    "overlaid",
    "ownership_of",
    "parts",
    "pending",
    "read",
    "read_network",
    "read_snapshot",
    "remotes",
    "renamed",
    "same_network",
    "secret_xml",
    "set_acceleration",
    "stamp_of",
    "taps",
    "updates",
    "with_passwords",
    "write_network",
    "write_snapshot",
]
