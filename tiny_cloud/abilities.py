"""What a host has to be able to do: for what, who of the declared needs it, and which packages of
the common distributions bring it. Pure; whether a host can is asked in ``host/doctor.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tiny_cloud.cloudinit import seeds
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.model import Address
from tiny_cloud.resource import Resource

INSTALL = {"debian": "apt install", "fedora": "dnf install", "suse": "zypper install",
           "arch": "pacman -S"}
"""By family: ``ID`` or a word of ``ID_LIKE`` (os-release(5))."""
FAMILIES = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "opensuse": "suse",
            "sles": "suse"}


class Ability(Struct, frozen=True):
    name: str
    purpose: str
    wanted: Callable[[Resource], bool]
    debian: str
    """Packages; empty: none brings it."""
    fedora: str = ""
    suse: str = ""
    arch: str = ""

    def install(self, family: str) -> str:
        """The command to get it; empty: no package of that family is known to bring it."""
        packages = {"debian": self.debian, "fedora": self.fedora, "suse": self.suse,
                    "arch": self.arch}.get(family)
        return f"{INSTALL[family]} {packages}" if packages else ""


class Finding(Struct, frozen=True):
    """What a host said of one ability."""

    ability: Ability
    able: bool
    text: str
    """What was seen: a version, or what is missing."""
    remedy: str = ""
    """What to run; empty: nothing has to be done, or nothing is known to help."""
    users: tuple[Address, ...] = ()
    """Of what is declared."""

    @property
    def fails(self) -> bool:
        """What is declared cannot be done here."""
        return not self.able and bool(self.users)


def family(os_release: str) -> str:
    """From the text of os-release(5): a key of INSTALL; empty: another one."""
    lines = (line.partition("=") for line in os_release.splitlines())
    said = {key: value.strip("\"'") for key, _, value in lines}
    words = [said.get("ID", ""), *said.get("ID_LIKE", "").split()]
    return next((name for word in words if (name := FAMILIES.get(word, word)) in INSTALL), "")


def users(ability: Ability, resources: Sequence[Resource]) -> tuple[Address, ...]:
    """Whatever is used and not ours has what it needs."""
    return tuple(item.address for item in resources
                 if not item.spec.get("external") and ability.wanted(item))


def _is(*kinds: str) -> Callable[[Resource], bool]:
    return lambda item: item.KIND in kinds


def _machine(fits: Callable[[Mapping[str, Any]], object]) -> Callable[[Resource], bool]:
    return lambda item: item.KIND == "VirtualMachine" and bool(fits(item.spec))


def _remote(item: Resource) -> bool:
    return item.KIND == "RBDImage" or any(
        disk.keys() & set(remotes.PROTOCOLS) for disk in item.spec.get("disks", ()))


def _leads_out(item: Resource) -> bool:
    """libvirt writes rules for it (formatnetwork.html, forward)."""
    return item.KIND == "Network" and item.spec.get("forward", "nat") not in ("bridge", "open")


def _built(item: Resource) -> bool:
    return item.KIND == "Image" and "debootstrap" in item.spec.get("source", {})


ABILITIES = (
    Ability("kvm", "guests at the speed of the hardware",
            _machine(lambda spec: spec.get("accel") == "kvm"), ""),
    Ability("libvirt", "machines and networks", _is("VirtualMachine", "Network"),
            "libvirt-daemon-system libvirt-clients python3-libvirt",
            "libvirt-daemon-kvm libvirt-client python3-libvirt",
            "libvirt-daemon-qemu libvirt-client python3-libvirt-python", "libvirt libvirt-python"),
    Ability("qemu", "machines", _is("VirtualMachine"), "qemu-system-x86", "qemu-system-x86",
            "qemu-x86", "qemu-system-x86"),
    Ability("qemu-img", "disks and images", _is("Disk", "Image"), "qemu-utils", "qemu-img",
            "qemu-tools", "qemu-img"),
    Ability("storage", "files of disks and images", _is("Disk", "Image"), ""),
    Ability("xattr", "marks on files; without them they stand in files beside", lambda item: False,
            ""),
    Ability("libguestfs", "writing into guests",
            lambda item: item.KIND == "Guest" and not seeds.wanted(item.spec),
            "libguestfs-tools python3-guestfs supermin",
            "guestfs-tools python3-libguestfs", "guestfs-tools python3-libguestfs", "libguestfs"),
    Ability("xorriso", "seeds of cloud-init",
            lambda item: item.KIND == "Guest" and seeds.wanted(item.spec),
            "xorriso", "xorriso", "xorriso", "libisoburn"),
    Ability("mmdebstrap", "images that are built here", _built,
            "mmdebstrap debian-archive-keyring e2fsprogs fdisk"),
    Ability("lvm", "logical volumes", _is("LogicalVolume"), "lvm2 thin-provisioning-tools",
            "lvm2 device-mapper-persistent-data", "lvm2 thin-provisioning-tools",
            "lvm2 thin-provisioning-tools"),
    Ability("device-mapper", "what is in logical volumes", _is("LogicalVolume"), ""),
    Ability("ceph", "images of a Ceph cluster", _is("RBDImage"), "python3-rados python3-rbd",
            "python3-rados python3-rbd", "python3-rados python3-rbd"),
    Ability("disk servers", "disks of iSCSI and Ceph in machines", _remote, "qemu-block-extra",
            "qemu-block-iscsi qemu-block-rbd", "qemu-block-iscsi qemu-block-rbd",
            "qemu-block-iscsi"),
    Ability("dnsmasq", "addresses and names of networks", _is("Network"), "dnsmasq-base",
            "dnsmasq", "dnsmasq", "dnsmasq"),
    Ability("firewall", "networks that lead out", _leads_out, "nftables iptables",
            "nftables iptables-nft", "nftables iptables", "nftables iptables-nft"),
    Ability("ovmf", "machines that boot by EFI",
            _machine(lambda spec: spec.get("firmware") == "efi"),
            "ovmf", "edk2-ovmf", "qemu-ovmf-x86_64", "edk2-ovmf"),
    Ability("swtpm", "emulated TPMs", _machine(lambda spec: "tpm" in spec), "swtpm swtpm-tools",
            "swtpm swtpm-tools", "swtpm", "swtpm"),
    Ability("virtiofsd", "folders of the host in guests", _machine(lambda spec: any(
        item.get("driver", "virtiofs") == "virtiofs" for item in spec.get("filesystems", ()))),
        "virtiofsd", "virtiofsd", "virtiofsd", "virtiofsd"),
    Ability("ssh", "host keys of guests, and logging in to them", _is("Guest"), "openssh-client",
            "openssh-clients", "openssh-clients", "openssh"),
    Ability("nbdkit", "a server of your own for disks[].nbd", lambda item: False,
            "nbdkit", "nbdkit", "nbdkit", "nbdkit"),
)
