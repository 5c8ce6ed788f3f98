"""What to do about libvirt's commoner complaints, as patterns over its own (untranslated) words."""

from __future__ import annotations

import os
import re

LOCKED = re.compile(r'Failed to get .* lock.*?using the image \[(?P<path>[^\]]+)\]', re.DOTALL)
"""qemu's image lock, which some other process holds."""

HINTS: tuple[tuple[str, str], ...] = (
    (r"Could not set up host forwarding rule '?(?:tcp|udp):[^:]*:(?P<port>\d+)",
     "port {port} of this host is taken: see who has it (ss -lntup 'sport = :{port}'), "
     "or forward another"),
    (r"(?:Cannot access storage file|Could not open) '(?P<path>[^']+)'.*Permission denied",
     "libvirt's qemu user must be able to enter every folder above {path} (chmod o+x) and, for a "
     "base image, to read it (chmod o+r)"),
    (r"(?:Path|Cannot access storage file|Could not open) '(?P<path>[^']+)'.*No such file",
     "{path} is gone; run tinycloud plan to see what would make it again"),
    (r"network '(?P<name>[^']+)' is not active", "virsh net-start {name}"),
    (r"Network is already in use by interface (?P<name>\S+)",
     "{name} of this host leads to addresses of that subnet (ip route): take another subnet"),
    (r"no network with matching name '(?P<name>[^']+)'",
     "virsh net-list --all shows the networks there are"),
    (r"Cannot get interface MTU on '(?P<name>[^']+)'",
     "there is no bridge {name} here; ip link show type bridge lists them"),
    (r"KVM is not supported|domaintype=kvm|failed to initialize kvm|access KVM kernel module"
     r"|failed to set MSR|kvm_buf_set_msrs",
     "this host has no usable KVM: write accel: tcg"),
    (r"cannot set up guest memory|Cannot allocate memory", "give the machine less memory"),
    (r"virtlogd-sock", "start virtlogd: systemctl start virtlogd, or virtlogd -d"),
    (r"IDE controllers are unsupported", "write bus: sata, or machine: pc"),
    (r"network '(?P<name>[^']+)' already exists with uuid",
     "somebody made a network {name} meanwhile: take it over with --adopt"),
    (r"already exists with uuid|already defined with uuid",
     "another machine has this name: rename it (virsh domrename), or take it over with --adopt"),
    (r"read only access prevents", "this connection was opened for reading only"),
)


def hint_for(message: str) -> str:
    """The first hint that fits, or none."""
    for pattern, hint in HINTS:
        if match := re.search(pattern, message, re.DOTALL):
            return hint.format(**match.groupdict())
    return ""


def hint_for_open(uri: str, message: str) -> str:
    """What to run when libvirt cannot be reached at all."""
    # Without a system bus libvirt cannot ask polkit whether an ordinary user may.
    if re.search(r"Permission denied|authentication|not authorized|system bus", message):
        return "run as root, or join the group libvirt (adduser NAME libvirt) and log in again"
    if "+" in uri.partition(":")[0]:
        return f"try virsh -c {uri} list"
    if os.path.isdir("/run/systemd/system"):
        return "systemctl start libvirtd"
    return "virtlogd -d; libvirtd -d"
