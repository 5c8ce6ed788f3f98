"""What a Debian tree needs beyond the packages asked for, to be a machine of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tiny_cloud.guests.base import with_block
from tiny_cloud.guests.networking import ifupdown

BASE = ("systemd-sysv", "udev", "dbus", "grub2-common", "grub-pc-bin", "e2fsprogs", "iproute2",
        "kmod", "login", "passwd")
"""dbus, because without it logind ignores a request to shut down. GRUB without the package grub-pc,
which asks at its upgrades which disk it was installed to, and fails where nobody answers."""

KERNEL = "linux-image-cloud-amd64"
IFUPDOWN = ("ifupdown", "isc-dhcp-client")
NETPLAN = ("netplan.io", "systemd-resolved")
"""netplan hands name servers to resolved, and to nobody else."""

REMOVED = (
    "/etc/ssh/ssh_host_*", "/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed",
    "/var/log/*.log", "/var/log/apt/*", "/var/cache/apt/*.bin", "/var/cache/debconf/*-old",
    "/var/lib/dpkg/*-old", "/etc/netplan/50-cloud-init.yaml",
)
"""Globs. What must differ between clones, and what only the build needed."""

_GRUB = """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_OS_PROBER=true
"""
_DHCP = ("auto /en*=wired /eth*=wired", "iface wired inet dhcp")
"""Every wired card (interfaces(5), "interface patterns")."""
_NETPLAN = """\
# DHCP on every wired card that nothing else is said of: the first match wins, by these names.
network:
  version: 2
  ethernets:
    zz-en:
      match: {name: "en*"}
      dhcp4: true
    zz-eth:
      match: {name: "eth*"}
      dhcp4: true
"""
_HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
"""
_HOST_KEYS = """\
# An image has no host keys; a machine that nobody gave any makes its own at its first start.
[Service]
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
"""


def packages(asked: Sequence[str]) -> tuple[str, ...]:
    """All that is installed, in a stable order; a kernel that is asked for wins, and netplan."""
    kernel = () if any(_is_kernel(name) for name in asked) else (KERNEL,)
    network = NETPLAN if "netplan.io" in asked else IFUPDOWN
    return tuple(dict.fromkeys((*BASE, *kernel, *network, *asked)))


def files(asked: Sequence[str], uuid: str) -> Mapping[str, str]:
    """Text by absolute path, for a root file system with this UUID."""
    netplan = "netplan.io" in asked
    written = {
        "/etc/default/grub": _GRUB,
        "/etc/fstab": f"UUID={uuid} / ext4 errors=remount-ro 0 1\n",
        "/etc/hostname": "localhost\n",
        "/etc/hosts": _HOSTS,
        # agetty(8): the host's name and its first IPv4 address, shown again when that changes.
        "/etc/issue.d/tinycloud.issue": "\\n \\4\n\n",
        # Empty and not missing, machine-id(5): a new one is made and no questions are asked.
        "/etc/machine-id": "",
    }
    if "openssh-server" in asked:
        written["/etc/systemd/system/ssh.service.d/host-keys.conf"] = _HOST_KEYS
    if netplan:
        # Also beside cloud-init, which configures nothing where it finds no datasource.
        written["/etc/netplan/90-default.yaml"] = _NETPLAN
    else:
        # In the block that a Guest with interfaces of its own replaces: no card has two masters.
        written[ifupdown.PATH] = with_block(ifupdown.EMPTY, _DHCP)
        # mmdebstrap leaves the building host's own name servers behind.
        written["/etc/resolv.conf"] = ""
    return written


def _is_kernel(package: str) -> bool:
    return package.startswith(("linux-image-", "linux-virtual", "linux-generic"))
