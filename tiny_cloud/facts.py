"""What a host says of itself, and the port through which it is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct, field

from tiny_cloud.ceph import Cluster
from tiny_cloud.insides import Inside
from tiny_cloud.model import Address, Cloud, Secret, Unknown, Value
from tiny_cloud.steps import EditGuest

TRANSIENT = "transient"
"""What runs, but has no definition: it is gone with the power (virsh undefine of a running one)."""
Server = tuple[str, int] | str
"""A host and its port, or the path of a Unix socket."""


class FileFacts(Struct, frozen=True):
    """What lstat and the stamp say of a file."""

    path: str
    size: int
    inode: int | str
    """Of a logical volume its UUID."""
    stamp: Mapping[str, str] | None = None
    """As written by the Stamp step, whoever's it is; None: no stamp."""
    genuine: bool = False
    """The stamp names this very file (path and inode), not the one it was copied from."""
    intact: bool = True
    """Size and mtime are as an immutable file's stamp says."""


class ImageFacts(Struct, frozen=True):
    """What ``qemu-img info`` says; sizes in bytes."""

    format: str
    virtual_size: int
    actual_size: int
    backing: str = ""
    """Absolute path of the backing file; empty: none."""
    backing_format: str = ""
    encryption: str = ""
    """``luks``, or ``aes``, which is qcow2's old one; empty: it is not encrypted."""
    volume: str = ""
    """The UUID in its LUKS header."""
    options: Mapping[str, Value] = field(default_factory=dict)
    """``clusterSize``, ``lazyRefcounts`` and ``extendedL2``, as far as it says them."""
    snapshots: tuple[str, ...] = ()
    """Names of those that the file itself has (``qemu-img snapshot``)."""


class Overlay(Struct, frozen=True):
    """What an external snapshot has put on top of a disk."""

    target: str
    """The disk's: ``vda``."""
    path: str
    """The overlay: whatever was written since."""
    below: str
    """What it stands on, as it was at the snapshot."""
    format: str
    """Of what is below."""


class SnapshotFacts(Struct, frozen=True):
    """A snapshot of a domain, as libvirt remembers it."""

    name: str
    created: int
    """Seconds since the epoch."""
    state: str
    """libvirt's: ``running`` and ``paused`` have the memory in them, ``disk-snapshot`` and
    ``shutoff`` have not."""
    overlays: tuple[Overlay, ...] = ()
    """None: it is internal, inside the disks' own files."""
    parent: str = ""
    """The snapshot that it was taken on top of."""


class DomainFacts(Struct, frozen=True):
    """A libvirt domain: its persistent definition and, apart from it, what runs."""

    name: str
    uuid: str
    xml: str
    """The inactive definition (VIR_DOMAIN_XML_INACTIVE); of one that has none what runs."""
    live_xml: str = ""
    """What runs; empty: it does not run."""
    autostart: bool = False
    persistent: bool = True
    snapshots: tuple[SnapshotFacts, ...] = ()
    """The oldest first."""


class NetworkFacts(Struct, frozen=True):
    """A libvirt network: its persistent definition and, apart from it, what is active."""

    name: str
    uuid: str
    xml: str
    """The inactive definition; of one that has none (``persistent``) what is active."""
    live_xml: str = ""
    """What is active; empty: it is not."""
    autostart: bool = False
    persistent: bool = True


class SecretFacts(Struct, frozen=True):
    """A libvirt secret; libvirt tells nobody its value."""

    uuid: str
    usage: str
    """Whose it is, unique among those of its type of usage."""


class HostDevices(Struct, frozen=True):
    """What the host itself has, by the names that its own tools show."""

    pci: frozenset[str] = frozenset()
    """As ``lspci -D`` has them: ``0000:01:00.0``."""
    usb: frozenset[str] = frozenset()
    """As ``lsusb`` has them: ``1d6b:0002``, vendor and product."""
    cards: frozenset[str] = frozenset()
    """Network devices: ``eth0``."""


class VolumeFacts(Struct, frozen=True):
    """What ``lvs`` says of a logical volume; sizes in bytes."""

    group: str
    name: str
    uuid: str
    size: int
    """Of a snapshot that copies on write: the room for what differs."""
    type: str
    """LVM's segment type; ``snapshot`` for one that copies on write."""
    stripes: int = 1
    pool: str = ""
    """Name of the thin pool that it is in."""
    origin: str = ""
    """Name of the volume that it is a snapshot of."""
    origin_size: int = 0
    tags: frozenset[str] = frozenset()
    used: int = 0
    """Of a thin pool, how many bytes of its data are taken."""
    aliases: tuple[str, ...] = ()
    """Other paths of its device."""

    @property
    def path(self) -> str:
        return f"/dev/{self.group}/{self.name}"

    @property
    def virtual_size(self) -> int:
        """What a guest sees."""
        return self.origin_size if self.type == "snapshot" else self.size


class GroupFacts(Struct, frozen=True):
    """What ``vgs`` says of a volume group."""

    name: str
    extent_size: int
    """Bytes."""
    extents: int
    free: int
    """Extents."""
    devices: int = 1
    """How many physical volumes it has, those that are missing too."""
    missing: int = 0


class RBDFacts(Struct, frozen=True):
    """What librbd says of an image; sizes in bytes."""

    id: str
    """It stays when the image is renamed, and no copy has it."""
    size: int
    parent: tuple[str, ...] = ()
    """Pool, image and snapshot that it is a clone of; none: it stands on nothing."""
    snapshots: Mapping[str, int] = field(default_factory=dict)
    """The sizes of its own, by name."""
    clones: tuple[str, ...] = ()
    """What was cloned from those: POOL/IMAGE."""
    watchers: tuple[str, ...] = ()
    """The addresses of those that have it open to write."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class DiskUse(Struct, frozen=True):
    domain: str
    uuid: str
    running: bool
    size: int = 0
    """Virtual size in bytes as the running qemu has it; 0 when it does not run."""
    base: bool = False
    """Not the disk itself: something that it stands on."""
    also: tuple[str, ...] = ()
    """Names of further domains that have it in their definitions."""
    above: tuple[str, ...] = ()
    """Overlays that snapshots of the domain have put on it, the top first: writing goes there."""


class Reader(Protocol):
    """What a probe may ask of a host. Nothing here changes anything; each call is one batch."""

    @property
    def cloud(self) -> Cloud: ...

    def files(self, paths: Iterable[str]) -> Mapping[str, FileFacts | Unknown]:
        """Facts of those that exist; absent paths have no entry."""

    def listing(self, folder: str) -> tuple[str, ...]:
        """Absolute paths of the files in a folder; none if there is no such folder."""

    def debris(self) -> tuple[str, ...]:
        """Absolute paths of what runs that were cut off left unfinished, files and folders."""

    def images(self, formats: Mapping[str, str]) -> Mapping[str, ImageFacts | Unknown]:
        """Facts of disk images by path, read in the stated format (path -> format)."""

    def volumes(self) -> Mapping[str, VolumeFacts] | Unknown:
        """All logical volumes by path, ``/dev/VG/LV``."""

    def volume_groups(self) -> Mapping[str, GroupFacts] | Unknown:
        """All volume groups by name."""

    def rbd_images(
        self, wanted: Mapping[Cluster, Collection[str]]
    ) -> Mapping[tuple[Cluster, str], RBDFacts | Unknown]:
        """Facts of images of Ceph by cluster and POOL/IMAGE; what is absent has no entry."""

    def insides(self, guests: Mapping[Address, EditGuest]) -> Mapping[Address, Inside | Unknown]:
        """What is inside of these guests; nothing is asked and none is told unless it is a look
        with --deep."""

    def domains(self) -> Mapping[str, DomainFacts]:
        """All domains by name. Raises Failure if libvirt does not answer."""

    def networks(self) -> Mapping[str, NetworkFacts]:
        """All of libvirt's networks by name. Raises Failure if libvirt does not answer."""

    def libvirt_secrets(self) -> Mapping[str, SecretFacts]:
        """All secrets that libvirt keeps, by UUID. Raises Failure if libvirt does not answer."""

    def bridges(self) -> Mapping[str, frozenset[str]]:
        """The host's bridge devices by name, and the devices plugged into each."""

    def hugepages(self) -> Mapping[int, int]:
        """How many huge pages the host has set aside, by their size in bytes."""

    def devices(self) -> HostDevices: ...

    def silent(self, servers: Iterable[Server]) -> Mapping[Server, str]:
        """Those servers that do not answer, and why."""

    def disk_users(self) -> Mapping[str, DiskUse]:
        """Which domain has which file or device as a disk, by absolute path."""

    def records(self) -> Mapping[Address, Mapping[str, Any]]:
        """The records of this cloud, as WriteRecord kept them."""

    def secret_is(self, secret: Secret, crypt_hash: str) -> bool | None:
        """Whether the secret hashes to this crypt(5) hash; None: the secret is not there now."""
