"""What a machine is to libvirt, as plain data; ``build`` and ``merge`` turn it into XML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from tiny_cloud.errors import Problem, Problems
from tiny_cloud.libvirt_xml.aliases import PREFIXES
from tiny_cloud.libvirt_xml.remotes import Remote
from tiny_cloud.model import Value

MEBIBYTE = 1 << 20
SPARE_PORTS = 8
"""Free pcie-root-ports by default: without them q35 has no slot for a second hot-plugged disk."""
LOOPBACK = "127.0.0.1"


class Layer(Struct, frozen=True):
    """One image of a backing chain."""

    path: str
    """Absolute path of a file or block device; of a disk on the network its URL."""
    format: str
    """Always stated, never probed: a guest can write any header into its own raw disk. ``luks`` is
    a raw disk behind a LUKS header."""
    type: str = "file"
    """``file``, ``block`` or ``network``."""
    secret: str = ""
    """The UUID of libvirt's secret with its LUKS key; empty: it is not encrypted."""
    remote: Remote | None = None
    """What the network's is."""
    private: bool = False
    """Only its owner may read it: libvirt gives it to its qemu user, as it does with the top."""

    @classmethod
    def at(cls, remote: Remote, form: str) -> Layer:
        return cls(remote.url, form, "network", remote=remote)


class DiskDevice(Struct, frozen=True):
    name: str
    bus: str
    """virtio, scsi, sata, ide or usb; empty: as it is, virtio for a new one."""
    chain: tuple[Layer, ...]
    """The top first, then everything below it; empty: a drive without a medium."""
    target: str = ""
    """``vda``; empty: the first free name of the bus."""
    readonly: bool | None = None
    """None: as it is; a new one is not."""
    device: str = "disk"
    """``disk`` or ``cdrom``."""
    shareable: bool | None = None
    serial: str = ""
    """What the guest sees; empty: as it is, for a new one the name (see ``devices.serial``)."""
    driver: Mapping[str, str] = field(default_factory=dict)
    """``cache``, ``discard`` and ``io``, as far as they are declared; others stay as they are."""


class Forward(Struct, frozen=True):
    """A port of the host that leads into a guest on user-mode networking."""

    host_port: int
    guest: int
    protocol: str = "tcp"
    address: str = LOOPBACK
    """IPv4: qemu's user network (7.2) forwards nothing else."""

    @classmethod
    def of(cls, host: str | int, guest: int, protocol: str = "tcp") -> Forward:
        """From the manifest's words: ``2222`` or ``"127.0.0.1:2222"``. Raises Problems."""
        address, _, port = str(host).rpartition(":")
        if not port.isdecimal():
            raise Problems([Problem(f"the forwarded host port {host!r} is no port",
                                    hint="write 2222 or 127.0.0.1:2222")])
        return cls(int(port), guest, protocol, address or LOOPBACK)

    def text(self) -> str:
        """The one way it is written as a field's value: compact JSON with sorted keys."""
        words = {"guest": self.guest, "host": f"{self.address}:{self.host_port}",
                 "protocol": self.protocol}
        return json.dumps(words, sort_keys=True, separators=(",", ":"))


class Source(Struct, frozen=True):
    """What a card is plugged into."""

    kind: str
    """``network``, ``bridge``, ``user`` or ``direct`` (macvtap)."""
    name: str = ""
    """Of the network, the bridge, or the host's card."""
    mode: str = ""
    """Of ``direct``: bridge, vepa, private or passthrough."""


USER = Source("user")


class Interface(Struct, frozen=True):
    name: str
    mac: str
    model: str
    """Empty: as it is, virtio for a new one."""
    source: Source
    forwards: tuple[Forward, ...] = ()
    """Only with source ``user``."""
    link: str = ""
    """``up`` or ``down``; empty: as it is."""
    mtu: int | None = None
    """Bytes; 0: the network's own; None: as it is."""


class Domain(Struct, frozen=True):
    name: str
    uuid: str
    memory: int
    """Bytes; see ``aligned``."""
    cpus: int
    machine: str = "q35"
    """``q35`` or ``pc``; empty: as it is."""
    disks: tuple[DiskDevice, ...] = ()
    """Disks and cdroms; they boot in this order, disks before cdroms."""
    interfaces: tuple[Interface, ...] = ()
    console_log: str = ""
    """Absolute path; empty: we do not log the console."""
    logs: str = ""
    """The folder of such paths: a log elsewhere is somebody's own."""
    agent: bool | None = True
    """None: as it is."""
    spare_ports: int | None = None
    """Free pcie-root-ports (q35). None: 8 in a new machine, as many as before in an old one."""
    stamp: Mapping[str, str] = field(default_factory=dict)
    nvram: str = ""
    """Absolute path of EFI's variables but for its ending; empty: libvirt's to choose."""
    former: Mapping[str, Value] = field(default_factory=dict)
    """The flat fields declared at the last apply."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """The machine's, as declared, for the ``parts``; for a new one with the defaults filled in."""
    gone: frozenset[str] = frozenset()
    """Those of them that are to go: what bears no alias of ours is known by them."""
    accel: str = "auto"
    """``kvm`` and ``tcg`` are written; ``auto`` leaves a new domain at tcg until the executor's
    probe has spoken (``set_acceleration``), and an existing one as it is."""


def aligned(memory: int) -> int:
    """Bytes, rounded up to the MiB: libvirt does it at each start, and would seem to drift."""
    return -(-memory // MEBIBYTE) * MEBIBYTE


def family(machine: str) -> str:
    """``q35`` of ``pc-q35-7.2``, ``pc`` of ``pc-i440fx-7.2``: libvirt adds versions, we do not."""
    if "q35" in machine:
        return "q35"
    return "pc" if machine == "pc" or machine.startswith("pc-") else machine


def disk_alias(disk: DiskDevice) -> str:
    return PREFIXES["cdroms" if disk.device == "cdrom" else "disks"] + disk.name


def interface_alias(interface: Interface) -> str:
    return PREFIXES["interfaces"] + interface.name
