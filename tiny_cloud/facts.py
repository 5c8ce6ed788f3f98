"""What a host says of itself, and the port through which it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tiny_cloud.model import Address, Cloud, HostDevices, Secret, Unknown

Server = tuple[str, int] | str
"""A host and its port, or the path of a Unix socket."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What lstat and the stamp say of a file."""

    path: str
    size: int
    inode: int
    stamp: Mapping[str, str] | None = None
    """As written by the Stamp step, whoever's it is; None: no stamp."""
    genuine: bool = False
    """The stamp names this very file (path and inode), not the one it was copied from."""
    intact: bool = True
    """Size and mtime are as an immutable file's stamp says."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
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


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """A libvirt domain: its persistent definition and, apart from it, what runs."""

    name: str
    uuid: str
    xml: str
    """The inactive definition (VIR_DOMAIN_XML_INACTIVE)."""
    live_xml: str = ""
    """What runs; empty: it does not run."""
    autostart: bool = False


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """A libvirt network: its persistent definition and, apart from it, what is active."""

    name: str
    uuid: str
    xml: str
    """The inactive definition; of one that has none (``persistent``) what is active."""
    live_xml: str = ""
    """What is active; empty: it is not."""
    autostart: bool = False
    persistent: bool = True


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A libvirt secret; libvirt tells nobody its value."""

    uuid: str
    usage: str
    """Whose it is, unique among those of its type of usage."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    domain: str
    uuid: str
    running: bool
    size: int = 0
    """Virtual size in bytes as the running qemu has it; 0 when it does not run."""
    base: bool = False
    """Not the disk itself: something that it stands on."""
    also: tuple[str, ...] = ()
    """Names of further domains that have it in their definitions."""


class Reader(Protocol):
    """What a probe may ask of a host. Nothing here changes anything; each call is one batch."""

    @property
    def cloud(self) -> Cloud: ...

    def files(self, paths: Iterable[str]) -> Mapping[str, FileFacts | Unknown]:
        """Facts of those that exist; absent paths have no entry."""

    def listing(self, folder: str) -> tuple[str, ...]:
        """Absolute paths of the files in a folder; none if there is no such folder."""

    def images(self, formats: Mapping[str, str]) -> Mapping[str, ImageFacts | Unknown]:
        """Facts of disk images by path, read in the stated format (path -> format)."""

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
