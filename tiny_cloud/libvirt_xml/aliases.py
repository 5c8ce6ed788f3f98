"""Our names for devices: libvirt keeps and shows aliases that begin with ``ua-``
(https://libvirt.org/formatdomain.html#devices)."""

from __future__ import annotations

from tiny_cloud.libvirt_xml.elements import Element, attribute

OURS = "ua-"
PREFIXES = {
    "disks": "ua-disk-", "cdroms": "ua-cdrom-", "interfaces": "ua-net-",
    "hostDevices": "ua-hostdev-", "filesystems": "ua-fs-", "dimms": "ua-dimm-",
    "inputs": "ua-input-",
}
"""By list of the manifest, how the aliases of its devices begin."""


def alias_for(group: str) -> str:
    """Of the device that the fields of ``disks[data]`` are about."""
    kind, _, name = group.rstrip("]").partition("[")
    return PREFIXES[kind] + name


def alias_of(device: Element) -> str:
    """Empty: it has none, in a definition; everything that runs has one."""
    return attribute(device, "alias", "name")


def name_of(device: Element, kind: str) -> str:
    """Our name for a device of the manifest's list ``kind``; empty: it is none of ours."""
    alias, prefix = alias_of(device), PREFIXES[kind]
    return alias.removeprefix(prefix) if alias.startswith(prefix) else ""
