"""What to do about libvirt's commoner complaints, as patterns over its own (untranslated) words."""

from __future__ import annotations

import os
import re

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
    (r"unable to map backing store for guest RAM",
     "the host has not enough huge pages: sysctl vm.nr_hugepages=NUMBER"),
    (r"cannot set up guest memory|Cannot allocate memory", "give the machine less memory"),
    (r"hugetlbfs filesystem is not mounted",
     "mount it: mount -t hugetlbfs hugetlbfs /dev/hugepages"),
    (r"Unable to find any firmware to satisfy 'efi'", "apt install ovmf"),
    (r"swtpm_setup'\. exitstatus.*?error log '(?P<path>[^']+)'",
     "the last lines of {path} say why; if they miss rights: chown -R tss /var/lib/swtpm-localca"),
    (r"Unable to find 'swtpm|swtpm_setup", "apt install swtpm swtpm-tools"),
    (r"Unknown CPU model (?P<name>[^\s,]+)",
     "virsh cpu-models x86_64 lists the models that libvirt knows, and {name} is none"),
    (r"CPU mode 'host-(?:passthrough|model)'.*not supported",
     "without KVM a guest cannot have the host's processor: use mode: maximum"),
    (r"acpi: device unplug request for not supported device type",
     "the guest's system does not let go of processors: --restart does it by a restart"),
    (r"virtlogd-sock", "start virtlogd: systemctl start virtlogd, or virtlogd -d"),
    (r"(?:PCI|USB) device (?P<device>\S+) is in use by driver QEMU, domain (?P<name>\S+)",
     "shut {name} down first, which has {device}: virsh shutdown {name}"),
    (r"host doesn't support passthrough of host PCI devices",
     "switch the IOMMU on: VT-d or AMD-Vi in the firmware, intel_iommu=on for the kernel"),
    (r"Multiple USB devices for (?P<device>\S+)",
     "two devices of this host are {device}: unplug one of them"),
    (r"virtiofs is not yet supported in session mode",
     "write driver: 9p, or connect: qemu:///system"),
    (r"failed to open '(?P<path>[^']+)': Permission denied",
     "libvirt's qemu user must be able to enter {path} and every folder above it (chmod o+x)"),
    (r"shared access for disk .* requires use of supported storage format",
     "a shareable disk is a raw one: write format: raw in its Disk"),
    (r"IDE controllers are unsupported", "write bus: sata, or machine: pc"),
    (r"network '(?P<name>[^']+)' already exists with uuid",
     "somebody made a network {name} meanwhile: take it over with --adopt"),
    (r"already exists with uuid|already defined with uuid",
     "another machine has this name: rename it (virsh domrename), or take it over with --adopt"),
    (r"iSCSI: .*Authentication failure",
     "the server refused the user or the password: correct auth, or what its secret holds"),
    (r"error connecting: (?:Operation not permitted|Permission denied|Connection timed out)",
     "the cluster refused the user or the key (ceph auth get client.USER shows what it has), or "
     "none of its monitors answered in time"),
    (r"error reading header from (?P<name>\S+): No such file",
     "the pool has no image {name}: rbd ls POOL shows those it has"),
    (r"TLS negotiation required", "the server speaks TLS alone: write tls: true"),
    (r"Requested export not available",
     "the server has no export of that name: nbdinfo --list nbd://HOST:PORT shows those it has"),
    (r"Unable to access credentials (?P<path>\S+?): No such file",
     "tls: true needs a certificate of this host in {path} (qemu.conf: nbd_tls_x509_cert_dir)"),
    (r"Active console session exists",
     "somebody has it open already: --force takes it from them"),
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
