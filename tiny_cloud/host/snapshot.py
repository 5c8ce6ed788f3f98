"""A Reader: the host as it was when asked, each batch asked once and remembered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tiny_cloud.ceph import Cluster
from tiny_cloud.errors import Failure
from tiny_cloud.facts import (
    DiskUse,
    DomainFacts,
    FileFacts,
    GroupFacts,
    HostDevices,
    ImageFacts,
    NetworkFacts,
    RBDFacts,
    SecretFacts,
    Server,
    VolumeFacts,
)
from tiny_cloud.host import (
    digest,
    files,
    host_devices,
    libvirt_network,
    lvm,
    passwords,
    qemu_img,
    rbd,
    records,
    scratch,
    secrets,
)
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.servers import silent
from tiny_cloud.insides import Inside
from tiny_cloud.model import Address, Cloud, Secret, Unknown
from tiny_cloud.steps import EditGuest
from tiny_cloud.volumes import tags
from tiny_cloud.volumes.tags import as_file

PARALLEL = 4
"""Appliances at once, where nobody says how many."""


class Snapshot:
    """Implements ``facts.Reader``; nothing here changes anything."""

    def __init__(
        self, cloud: Cloud, libvirt: Libvirt, *, run_commands: bool = False, deep: bool = False,
        appliance: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """``deep``: guests are looked into, and base images are read as a whole; ``appliance``:
        libguestfs's environment."""
        self.cloud = cloud
        self._libvirt = libvirt
        self._run_commands = run_commands
        self._deep = deep
        self._appliance = appliance
        self._digests: dict[str, str] = {}
        self._images: dict[str, ImageFacts | Unknown] = {}
        self._secrets: dict[Secret, str | None] = {}
        self._rbd_images: dict[tuple[Cluster, str], RBDFacts | Unknown | None] = {}

    def files(self, paths: Iterable[str]) -> Mapping[str, FileFacts | Unknown]:
        wanted = list(paths)
        volumes = self._volumes_among(wanted)
        found = files.facts(path for path in wanted if path not in volumes)
        if self._deep:
            found = {path: self._read_whole(facts) for path, facts in found.items()}
        return {**found, **{path: as_file(facts) for path, facts in volumes.items()}}

    def _read_whole(self, facts: FileFacts | Unknown) -> FileFacts | Unknown:
        """Size and mtime of what nobody may change can be made to look right; its bytes decide."""
        published = (facts.stamp or {}).get("sha256") if isinstance(facts, FileFacts) else None
        if not isinstance(facts, FileFacts) or not published or not facts.genuine:
            return facts
        if facts.path not in self._digests:
            self._digests[facts.path] = digest.of_file(facts.path, "sha256")
        return replace(facts, intact=facts.intact and self._digests[facts.path] == published)

    def _volumes_among(self, paths: Iterable[str]) -> Mapping[str, VolumeFacts]:
        """LVM is asked only if there is something that may be a volume of it."""
        devices = [path for path in paths if path.startswith("/dev/")]
        there = self.volumes() if devices else {}
        return {} if isinstance(there, Unknown) else {
            path: there[path] for path in devices if path in there}

    def disk_errors(self, domain: str) -> str:
        """Of a running machine, in libvirt's words; empty: none."""
        return self._libvirt.disk_errors(domain)

    def listing(self, folder: str) -> tuple[str, ...]:
        return files.listing(folder)

    def debris(self) -> tuple[str, ...]:
        return scratch.debris(self.cloud, self._all_records)

    def images(self, formats: Mapping[str, str]) -> Mapping[str, ImageFacts | Unknown]:
        asked = dict(formats)
        for path, facts in self._volumes_among(formats).items():
            asked[path] = form = tags.format_of(facts, formats[path])
            if form == "raw":
                self._images[path] = ImageFacts("raw", facts.virtual_size, facts.size)
        self._images.update(
            qemu_img.infos({path: f for path, f in asked.items() if path not in self._images})
        )
        return {path: self._images[path] for path in formats if path in self._images}

    def volumes(self) -> Mapping[str, VolumeFacts] | Unknown:
        return self._volumes

    @cached_property
    def _volumes(self) -> Mapping[str, VolumeFacts] | Unknown:
        return lvm.volumes()

    def volume_groups(self) -> Mapping[str, GroupFacts] | Unknown:
        return self._groups

    @cached_property
    def _groups(self) -> Mapping[str, GroupFacts] | Unknown:
        return lvm.groups()

    def rbd_images(
        self, wanted: Mapping[Cluster, Collection[str]]
    ) -> Mapping[tuple[Cluster, str], RBDFacts | Unknown]:
        known, asked = self._rbd_images, [(c, place) for c in wanted for place in wanted[c]]
        for cluster in wanted:
            new = {place for place in wanted[cluster] if (cluster, place) not in known}
            there = rbd.images(cluster, new, run_commands=self._run_commands) if new else {}
            for place in new:
                known[cluster, place] = (
                    there if isinstance(there, Unknown) else there.get(place))
        return {key: facts for key in asked if (facts := known[key]) is not None}

    def insides(self, guests: Mapping[Address, EditGuest]) -> Mapping[Address, Inside | Unknown]:
        return self.look_into(guests) if self._deep else {}

    def look_into(
        self, guests: Mapping[Address, EditGuest], parallel: int = PARALLEL
    ) -> Mapping[Address, Inside | Unknown]:
        """Whether or not it is a deep look."""
        if not guests:
            return {}
        from tiny_cloud.host import inside  # with it come the writers of all systems

        resolve = partial(secrets.resolve, run_commands=self._run_commands)
        found = inside.look_into(
            list(guests.values()), resolve=resolve, environ=self._appliance(), parallel=parallel)
        return {address: Unknown(one.summary.removeprefix(f"{address}: "), one.hint)
                if isinstance(one, Failure) else one
                for address, one in zip(guests, found, strict=True)}

    def domains(self) -> Mapping[str, DomainFacts]:
        return self._domains

    @cached_property
    def _domains(self) -> Mapping[str, DomainFacts]:
        return self._libvirt.domains()

    def networks(self) -> Mapping[str, NetworkFacts]:
        return self._networks

    @cached_property
    def _networks(self) -> Mapping[str, NetworkFacts]:
        return self._libvirt.networks.facts()

    def libvirt_secrets(self) -> Mapping[str, SecretFacts]:
        return self._libvirt_secrets

    @cached_property
    def _libvirt_secrets(self) -> Mapping[str, SecretFacts]:
        return self._libvirt.secrets.facts()

    def bridges(self) -> Mapping[str, frozenset[str]]:
        return self._bridges

    @cached_property
    def _bridges(self) -> Mapping[str, frozenset[str]]:
        return libvirt_network.bridges()

    def hugepages(self) -> Mapping[int, int]:
        """Each size has a folder ``hugepages-2048kB`` (Linux: admin-guide/mm/hugetlbpage)."""
        return {
            int(folder.name.removeprefix("hugepages-").removesuffix("kB")) * 1024:
            int((folder / "nr_hugepages").read_text())
            for folder in Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB")
        }

    def devices(self) -> HostDevices:
        return self._devices

    @cached_property
    def _devices(self) -> HostDevices:
        return host_devices.present(Path("/sys"))

    def silent(self, servers: Iterable[Server]) -> Mapping[Server, str]:
        return silent(servers)

    def disk_users(self) -> Mapping[str, DiskUse]:
        return self._disk_users

    @cached_property
    def _disk_users(self) -> Mapping[str, DiskUse]:
        return self._libvirt.disk_users(self._domains)

    def records(self) -> Mapping[Address, Mapping[str, Any]]:
        return self._records

    @cached_property
    def _records(self) -> Mapping[Address, Mapping[str, Any]]:
        return {address: record for address, record in self._all_records.items()
                if record["cloud"] == self.cloud.name}

    @cached_property
    def _all_records(self) -> Mapping[Address, Mapping[str, Any]]:
        """Of other clouds in the same folder, too."""
        return records.read_all(Path(self.cloud.storage))

    def secret_is(self, secret: Secret, crypt_hash: str) -> bool | None:
        if secret.source == "hash":
            return secret.value == crypt_hash
        if secret not in self._secrets:
            self._secrets[secret] = secrets.resolve(secret, run_commands=self._run_commands)
        found = self._secrets[secret]
        return None if found is None else passwords.verify(found, crypt_hash)
