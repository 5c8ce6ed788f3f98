"""A host in memory: it carries steps out on dictionaries and answers probes from them.

For the pure and fast part only; what qemu, libvirt and libguestfs really do is for
tests/integration.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, singledispatchmethod
from pathlib import PurePosixPath
from typing import Any

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from tests.fake.networks import named, updated
from tests.fake.objections import objection, resized
from tests.fake.rbd import created, disk_at, grown, place_of
from tests.fake.volumes import decrypted, made
from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.ceph import Cluster
from tiny_cloud.cloudinit import rendered
from tiny_cloud.errands.leftovers import UNFINISHED
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
from tiny_cloud.images.options import NAMES
from tiny_cloud.insides import Inside
from tiny_cloud.libvirt_xml import above, bare, bases, disk_paths, read_network, renamed, taps
from tiny_cloud.model import Address, Cloud, Secret, Unknown, Value
from tiny_cloud.rbd_images import ADDRESS, CLOUD, ID
from tiny_cloud.volumes import tags
from tiny_cloud.volumes.tags import as_file


class FakeFile(Struct):
    inode: int
    facts: ImageFacts
    stamp: dict[str, str] | None = None


@dataclass
class FakeHost:
    cloud: Cloud
    file: dict[str, FakeFile] = field(default_factory=dict)
    domain: dict[str, DomainFacts] = field(default_factory=dict)
    record: dict[Address, Mapping[str, Any]] = field(default_factory=dict)
    inside: dict[Address, Inside | Unknown] = field(default_factory=dict)
    """What a look with --deep finds; a guest that is written is as it should be."""
    secret: dict[str, str] = field(default_factory=dict)
    libvirt_secret: dict[str, SecretFacts] = field(default_factory=dict)
    network: dict[str, NetworkFacts] = field(default_factory=dict)
    bridge: dict[str, frozenset[str]] = field(default_factory=dict)
    """The host's own; those of its networks have every card on them."""
    pages: dict[int, int] = field(default_factory=lambda: {2 << 20: 0})
    folder: set[str] = field(default_factory=set)
    volume: dict[str, VolumeFacts] = field(default_factory=dict)
    group: dict[str, GroupFacts] = field(
        default_factory=lambda: {"vg0": GroupFacts("vg0", 4 << 20, 25600, 25600, devices=2)})
    luks: dict[str, str] = field(default_factory=dict)
    """By a volume's UUID that of the LUKS header on it."""
    rbd: dict[str, RBDFacts] = field(default_factory=dict)
    """Images of the one cluster, by POOL/IMAGE, whichever of its monitors is asked."""
    ceph: Unknown | None = None
    """What a cluster says that does not answer."""
    blind: Unknown | None = None
    """What LVM says to one without the right to see devices."""
    device: HostDevices = field(default_factory=HostDevices)
    server: dict[Server, str] = field(default_factory=dict)
    """Those that do not answer, and why."""
    performed: list[steps.Step] = field(default_factory=list)
    fails: Callable[[steps.Step], bool] = lambda step: False
    image_size: int = 3 << 30
    inodes: Iterable[int] = field(default_factory=lambda: itertools.count(100))

    # -- Reader -----------------------------------------------------------------------------------

    def files(self, paths: Iterable[str]) -> Mapping[str, FileFacts | Unknown]:
        found: dict[str, FileFacts | Unknown] = {
            path: Unknown(f"{path} is a folder") for path in paths if path in self.folder}
        for path in paths:
            if path in self.file:
                one = self.file[path]
                mine = {"path": path, "inode": str(one.inode)}
                genuine = one.stamp is not None and mine.items() <= one.stamp.items()
                found[path] = FileFacts(path, one.facts.actual_size, one.inode, one.stamp, genuine)
            elif path in self.volume:
                found[path] = as_file(self.volume[path])
        return found

    def volumes(self) -> Mapping[str, VolumeFacts] | Unknown:
        return self.blind or self.volume

    def rbd_images(
        self, wanted: Mapping[Cluster, Collection[str]]
    ) -> Mapping[tuple[Cluster, str], RBDFacts | Unknown]:
        keys = [(cluster, place) for cluster in wanted for place in wanted[cluster]]
        if self.ceph is not None:
            return dict.fromkeys(keys, self.ceph)
        return {key: self.rbd[key[1]] for key in keys if key[1] in self.rbd}

    def volume_groups(self) -> Mapping[str, GroupFacts] | Unknown:
        return self.blind or self.group

    def listing(self, folder: str) -> tuple[str, ...]:
        return tuple(sorted(p for p in self.file if str(PurePosixPath(p).parent) == folder))

    def debris(self) -> tuple[str, ...]:
        trash = self.cloud.path("trash", "")
        return tuple(sorted(path for path in (*self.file, *self.folder)
                            if UNFINISHED.search(path) and not path.startswith(trash)))

    def images(self, formats: Mapping[str, str]) -> Mapping[str, ImageFacts | Unknown]:
        volumes = {path: decrypted(facts, self.luks) if tags.format_of(facts) == "luks"
                   else ImageFacts("raw", facts.virtual_size, facts.size)
                   for path, facts in self.volume.items() if path in formats}
        return volumes | {path: self.file[path].facts for path in formats if path in self.file}

    def insides(
        self, guests: Mapping[Address, steps.EditGuest]
    ) -> Mapping[Address, Inside | Unknown]:
        return {address: self.inside[address] for address in guests if address in self.inside}

    def look_into(
        self, guests: Mapping[Address, steps.EditGuest], parallel: int
    ) -> Mapping[Address, Inside | Unknown]:
        return {address: self.inside.get(address, Inside("Debian")) for address in guests}

    def domains(self) -> Mapping[str, DomainFacts]:
        return self.domain

    def networks(self) -> Mapping[str, NetworkFacts]:
        return self.network

    def libvirt_secrets(self) -> Mapping[str, SecretFacts]:
        return self.libvirt_secret

    def bridges(self) -> Mapping[str, frozenset[str]]:
        return self.bridge

    def hugepages(self) -> Mapping[int, int]:
        return self.pages

    def silent(self, servers: Iterable[Server]) -> Mapping[Server, str]:
        return {server: self.server[server] for server in servers if server in self.server}

    def devices(self) -> HostDevices:
        return self.device

    def disk_users(self) -> Mapping[str, DiskUse]:
        return _disk_users(tuple(self.domain.values()))

    def records(self) -> Mapping[Address, Mapping[str, Any]]:
        return self.record

    def secret_is(self, secret: Secret, crypt_hash: str) -> bool | None:
        if secret.source == "hash":
            return secret.value == crypt_hash
        known = self.secret.get(str(secret.value))
        return None if known is None else f"hash of {known}" == crypt_hash

    # -- Performer --------------------------------------------------------------------------------

    def perform(self, step: steps.Step, progress: Progress) -> None:
        if self.fails(step):
            raise Failure(f"{type(step).__name__} was made to fail")
        why = objection(step, self)
        assert not why, why
        self.performed.append(step)
        self._do(step)

    def perform_batch(
        self, batch: Sequence[steps.Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        outcomes: list[Failure | None] = []
        for step, tell in zip(batch, progress, strict=True):
            try:
                self.perform(step, tell)
                outcomes.append(None)
            except Failure as failure:
                outcomes.append(failure)
        return outcomes

    def _new(
        self, path: str, form: str, size: int, backing: str = "", options: Iterable[str] = (),
        encrypted: bool = False,
    ) -> None:
        inode = next(iter(self.inodes))
        luks = ("luks", f"volume {inode}") if encrypted else ("", "")
        facts = ImageFacts(
            form, size, 4096, backing, "qcow2" if backing else "", *luks, _told(options))
        self.file[path] = FakeFile(inode, facts)

    @singledispatchmethod
    def _do(self, step: steps.Step) -> None:
        raise NotImplementedError(type(step))

    @_do.register
    def _(self, step: steps.MakeFolder) -> None:
        pass

    @_do.register
    def _(self, step: steps.Debootstrap) -> None:
        self._new(step.to, "qcow2", step.size)

    @_do.register
    def _(self, step: steps.ImportImage) -> None:
        self.file.pop(step.source, None)
        self._new(step.to, "qcow2", self.image_size)

    @_do.register
    def _(self, step: steps.PrepareImage) -> None:
        assert step.disk in self.file

    @_do.register
    def _(self, step: steps.Fetch) -> None:
        self._new(step.to, "qcow2", self.image_size)

    @_do.register
    def _(self, step: steps.ExtractKernel) -> None:
        assert step.image in self.file
        for final in (step.kernel, step.initrd):
            self._new(f"{final}.part", "raw", 4096)
            self._do(steps.Stamp(f"{final}.part", final, step.cloud, step.address,
                                 {"kernel": "6.1.0-28-amd64",
                                  "imageInode": str(self.file[step.image].inode)}))

    @_do.register
    def _(self, step: steps.CreateDisk) -> None:
        size = step.size or self.file[step.backing].facts.virtual_size
        self._new(
            step.to, step.format, size, step.backing, step.options, encrypted=bool(step.secret))

    @_do.register
    def _(self, step: steps.RebaseDisk) -> None:
        one = self.file.pop(step.path)
        facts = replace(one.facts, backing=step.backing, backing_format=step.backing_format)
        self.file[step.stamp.path] = FakeFile(next(iter(self.inodes)), facts)
        self._do(step.stamp)
        self.file[step.path] = self.file.pop(step.stamp.path)

    @_do.register
    def _(self, step: steps.Run) -> None:
        assert step.argv[:2] == ("qemu-img", "resize"), step
        self._resize(resized(step), int(step.argv[-1]))

    @_do.register
    def _(self, step: steps.BlockResize) -> None:
        self._resize(disk_at(self, step), step.size)

    def _resize(self, path: str, size: int) -> None:
        if path.startswith("rbd://"):
            grown(self.rbd, place_of(path), size)
            return
        if path in self.volume:
            assert self.images({path: "raw"})[path].virtual_size == size
            return
        one = self.file[path]
        self.file[path] = replace(one, facts=replace(one.facts, virtual_size=size))

    @_do.register
    def _(self, step: steps.Stamp) -> None:
        one = self.file[step.path]
        mark = {"cloud": step.cloud, "address": step.address, "path": step.final}
        one.stamp = {**mark, "inode": str(one.inode), **step.extra}

    @_do.register
    def _(self, step: steps.Publish) -> None:
        self.file[step.final] = self.file.pop(step.part)

    @_do.register
    def _(self, step: steps.Rename) -> None:
        if step.path in self.file:
            self.file[step.to] = self.file.pop(step.path)

    @_do.register
    def _(self, step: steps.Trash) -> None:
        self.file[step.trash] = self.file.pop(step.path)

    @_do.register
    def _(self, step: steps.Remove) -> None:
        self.file.pop(step.path, None)

    @_do.register
    def _(self, step: steps.WriteRecord) -> None:
        self.record[Address.parse(step.address)] = step.record

    @_do.register
    def _(self, step: steps.MoveRecord) -> None:
        record = self.record.pop(Address.parse(step.address), None)
        if record is not None:
            self.record[Address.parse(step.to)] = {**record, **step.changes}

    @_do.register
    def _(self, step: steps.DropRecord) -> None:
        self.record.pop(Address.parse(step.address), None)

    def _hash(self, env: str = "", hash: str = "") -> str:
        return hash or f"hash of {self.secret[env]}"

    @_do.register
    def _(self, step: steps.EditGuest) -> None:
        self._remember(step, step.fresh, {})

    @_do.register
    def _(self, step: steps.MakeSeed) -> None:
        disk = step.identity or str(self.files([step.disk])[step.disk].inode)
        settings = {key: value for key, value in step.settings.items() if key != "users"}
        seed = rendered(settings, disk)
        self._new(step.stamp.path, "raw", 4096)
        self._do(replace(step.stamp, extra={"instance": seed.instance_id}))
        self.file[step.stamp.final] = self.file.pop(step.stamp.path)
        told = {"identity": disk, "instance": seed.instance_id}
        self._remember(step, not step.identity, told)

    def _remember(
        self, step: steps.EditGuest | steps.MakeSeed, fresh: bool, told: dict[str, Any]
    ) -> None:
        volume = self.volume.get(step.disk)
        inode = volume.uuid if volume else self.file[step.disk].inode
        hashes = {
            f"users.{name}.password": self._hash(**user["password"])
            for name, user in step.settings.get("users", {}).items()
            if "password" in user
        }
        address = Address.parse(step.address)
        told = {**step.record, **told, "hashes": hashes, "inode": str(inode)}
        if fresh:
            told["before"] = self.record.get(address)
        seen = decrypted(volume, self.luks) if volume and step.secret else self.images(
            {step.disk: step.format})[step.disk]
        size = seen.virtual_size
        self.record[address] = {**told, "diskSize": size}
        self.inside.pop(address, None)

    @_do.register
    def _(self, step: steps.RecallGuest) -> None:
        self._do(step.edit)

    @_do.register
    def _(self, step: steps.CreateVolume) -> None:
        self.volume[step.path] = new = made(
            step, self.volume, self.group, next(iter(self.inodes)), self.cloud.name)
        origin = self.volume.get(f"/dev/{new.group}/{step.origin}")
        if origin and origin.uuid in self.luks:
            self.luks[new.uuid] = self.luks[origin.uuid]

    @_do.register
    def _(self, step: steps.EncryptVolume) -> None:
        uuid = self.volume[step.path].uuid
        self.luks[uuid] = f"header on {uuid}"

    @_do.register
    def _(self, step: steps.FillVolume) -> None:
        facts = self.volume[step.path]
        size = decrypted(facts, self.luks).virtual_size if step.secret else facts.size
        assert self.file[step.source].facts.virtual_size <= size

    @_do.register
    def _(self, step: steps.GrowVolume) -> None:
        assert step.size >= self.volume[step.path].size
        self.volume[step.path] = replace(self.volume[step.path], size=step.size)

    @_do.register
    def _(self, step: steps.StampVolume) -> None:
        facts = self.volume[step.path]
        marks = tags.complete(step.cloud, step.address, facts.uuid, step.extra)
        self.volume[step.path] = replace(facts, tags=facts.tags - tags.ours(facts.tags) | marks)

    @_do.register
    def _(self, step: steps.RenameVolume) -> None:
        if step.path in self.volume:
            name = step.to.rpartition("/")[2]
            self.volume[step.to] = replace(self.volume.pop(step.path), name=name)

    @_do.register
    def _(self, step: steps.TrashVolume) -> None:
        facts = self.volume.pop(step.path)
        self.volume[step.trash] = replace(facts, name=step.trash.rpartition("/")[2],
                                          tags=facts.tags | {tags.TRASHED})

    @_do.register
    def _(self, step: steps.RemoveVolume) -> None:
        self.volume.pop(step.path, None)

    @_do.register
    def _(self, step: steps.CreateRBDImage) -> None:
        self.rbd[step.image] = created(step, self.rbd, next(iter(self.inodes)))

    @_do.register
    def _(self, step: steps.GrowRBDImage) -> None:
        grown(self.rbd, step.image, step.size)

    @_do.register
    def _(self, step: steps.StampRBDImage) -> None:
        facts = self.rbd[step.image]
        marks = {CLOUD: step.cloud, ADDRESS: step.address, ID: facts.id}
        self.rbd[step.image] = replace(facts, metadata=marks)

    @_do.register
    def _(self, step: steps.RenameRBDImage) -> None:
        self.rbd[step.to] = self.rbd.pop(step.image)

    @_do.register
    def _(self, step: steps.TrashRBDImage) -> None:
        self.rbd.pop(step.image, None)

    @_do.register
    def _(self, step: steps.DefineSecret) -> None:
        usage = etree.fromstring(step.xml).findtext("usage/*", "")
        self.libvirt_secret[step.uuid] = SecretFacts(step.uuid, usage)
        self.record[Address("secret", step.uuid)] = {
            "cloud": self.cloud.name, "spec": {}, "metadata": {}, "fields": {},
            "hash": self._hash(**step.secret),
            "volume": self._header(step.volume) if step.volume else ""}

    def _header(self, path: str) -> str:
        there = self.volume.get(path)
        return self.luks[there.uuid] if there else self.file[path].facts.volume

    @_do.register
    def _(self, step: steps.UndefineSecret) -> None:
        self.libvirt_secret.pop(step.uuid, None)
        self.record.pop(Address("secret", step.uuid), None)

    @_do.register
    def _(self, step: steps.Define) -> None:
        before = self.domain.get(step.name)
        uuid = step.xml.split("<uuid>")[1].split("</uuid>")[0]
        if before is None:
            self.domain[step.name] = DomainFacts(step.name, uuid, step.xml)
        else:
            self.domain[step.name] = replace(before, xml=step.xml)

    @_do.register
    def _(self, step: steps.RenameDomain) -> None:
        if step.name in self.domain:
            facts = self.domain.pop(step.name)
            xml = renamed(facts.xml, step.to)
            self.domain[step.to] = replace(facts, name=step.to, xml=xml)

    @_do.register
    def _(self, step: steps.Autostart) -> None:
        self.domain[step.name] = replace(self.domain[step.name], autostart=step.on)

    @_do.register
    def _(self, step: steps.Start) -> None:
        facts = self.domain[step.name]
        self.domain[step.name] = replace(facts, live_xml=facts.xml)

    @_do.register
    def _(self, step: steps.Shutdown) -> None:
        self.domain[step.name] = replace(self.domain[step.name], live_xml="")

    @_do.register
    def _(self, step: steps.AttachDevice) -> None:
        self._plug(step.name, None, step.xml)

    @_do.register
    def _(self, step: steps.DetachDevice) -> None:
        self._plug(step.name, step.alias, None)

    @_do.register
    def _(self, step: steps.UpdateDevice) -> None:
        self._plug(step.name, steps.alias_of(step.xml), step.xml)

    @_do.register
    def _(self, step: steps.SetVcpus) -> None:
        root = etree.fromstring(self.domain[step.name].live_xml)
        for vcpu in root.findall("vcpu"):
            vcpu.set("current", str(step.count))
        self._lives(step.name, root)

    @_do.register
    def _(self, step: steps.SetMemory) -> None:
        """Where the balloon is shows nowhere."""

    @_do.register
    def _(self, step: steps.Describe) -> None:
        root = etree.fromstring(self.domain[step.name].live_xml)
        for old in root.findall(step.what):
            root.remove(old)
        if step.text:
            etree.SubElement(root, step.what).text = step.text
        self._lives(step.name, root)

    def _plug(self, name: str, old: str | None, new: str | None) -> None:
        root = etree.fromstring(self.domain[name].live_xml)
        for device in root.findall("devices/*"):
            alias = device.find("alias")
            if old and alias is not None and alias.get("name") == old:
                device.getparent().remove(device)
        for parent in root.findall("devices"):
            parent.extend([etree.fromstring(new)] if new else [])
        self._lives(name, root)

    def _lives(self, name: str, root: etree._Element) -> None:
        live = etree.tostring(root, encoding="unicode")
        self.domain[name] = replace(self.domain[name], live_xml=live)

    @_do.register
    def _(self, step: steps.Undefine) -> None:
        del self.domain[step.name]

    @_do.register
    def _(self, step: steps.DefineNetwork) -> None:
        uuid = step.xml.split("<uuid>")[1].split("</uuid>")[0]
        before = self.network.get(step.name, NetworkFacts(step.name, uuid, ""))
        xml = named(step.xml, f"virbr{len(self.network)}")
        self.network[step.name] = replace(before, xml=xml, persistent=True)

    @_do.register
    def _(self, step: steps.AutostartNetwork) -> None:
        self.network[step.name] = replace(self.network[step.name], autostart=step.on)

    @_do.register
    def _(self, step: steps.StartNetwork) -> None:
        facts = self.network[step.name]
        self.network[step.name] = replace(facts, live_xml=facts.xml)

    @_do.register
    def _(self, step: steps.ReattachCards) -> None:
        for domain in self.domain.values():
            for tap in taps(domain.live_xml) if domain.live_xml else ():
                if tap.network == step.name:
                    bridge = str(read_network(self.network[step.name].live_xml)["bridge"])
                    self.bridge[bridge] |= {tap.device}

    @_do.register
    def _(self, step: steps.StopNetwork) -> None:
        self.network[step.name] = replace(self.network[step.name], live_xml="")

    @_do.register
    def _(self, step: steps.UpdateNetwork) -> None:
        facts = self.network[step.name]
        self.network[step.name] = replace(
            facts,
            live_xml=updated(facts.live_xml, step) if step.live else facts.live_xml,
            xml=updated(facts.xml, step) if step.config else facts.xml,
        )

    @_do.register
    def _(self, step: steps.UndefineNetwork) -> None:
        del self.network[step.name]


def _told(options: Iterable[str]) -> dict[str, Value]:
    """What qemu-img info says of creation options: nothing of how much was allocated."""
    words = dict(option.split("=") for option in options)
    known = {name: words[word] for name, word in NAMES.items() if word in words}
    return {name: int(value) if value.isdecimal() else value == "on"
            for name, value in known.items() if name != "preallocation"}


@lru_cache(8)
def _disk_users(domains: Sequence[DomainFacts]) -> Mapping[str, DiskUse]:
    users: dict[str, DiskUse] = {}
    for facts in map(bare, domains):
        running = bool(facts.live_xml)
        for path, _target in disk_paths(facts.live_xml or facts.xml):
            users[path] = DiskUse(facts.name, facts.uuid, running)
        for path in bases(facts.live_xml or facts.xml):
            users.setdefault(path, DiskUse(facts.name, facts.uuid, running, base=True))
    for facts in domains:
        for path, stack in above(facts).items():
            users[path] = replace(users[path], above=stack)
    return users
