"""Carry out steps on this machine: one function a step class, chosen by the step's type."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from tiny_cloud import steps
from tiny_cloud.apply import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.host import (
    acceleration,
    command,
    debootstrap,
    fetch,
    files,
    guest,
    imports,
    kernels,
    libvirt_devices,
    qemu_img,
    records,
    secrets,
)
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.libvirt_xml import set_acceleration
from tiny_cloud.model import Address, Cloud
from tiny_cloud.schema import secret_of


@dataclass(frozen=True)
class Host:
    """Implements ``apply.Performer``; ``lock`` is the descriptor that children inherit."""

    cloud: Cloud
    libvirt: Libvirt
    cache: Path
    lock: int

    def perform(self, step: steps.Step, progress: Progress) -> None:
        with _failures():
            self._do(step, progress)

    def perform_batch(
        self, batch: Sequence[steps.Step], progress: Progress
    ) -> Sequence[Failure | None]:
        """No step of today has a batch key with a joint execution: one after the other."""
        outcomes: list[Failure | None] = []
        for step in batch:
            try:
                self.perform(step, progress)
                outcomes.append(None)
            except Failure as failure:
                outcomes.append(failure)
        return outcomes

    @property
    def storage(self) -> Path:
        return Path(self.cloud.storage)

    @singledispatchmethod
    def _do(self, step: steps.Step, progress: Progress) -> None:
        raise NotImplementedError(type(step))

    @_do.register
    def _(self, step: steps.Run, progress: Progress) -> None:
        command.run(step.argv, pass_fds=(self.lock,))

    @_do.register
    def _(self, step: steps.MakeFolder, progress: Progress) -> None:
        files.make_folder(step)

    @_do.register
    def _(self, step: steps.Fetch, progress: Progress) -> None:
        def tell(done: int, total: int) -> None:
            progress("downloads", done / total if total else None)

        fetch.fetch(step, tell)

    @_do.register
    def _(self, step: steps.ImportImage, progress: Progress) -> None:
        imports.import_image(step, lambda done: progress("converts", done), (self.lock,))

    @_do.register
    def _(self, step: steps.Debootstrap, progress: Progress) -> None:
        say = words_only(progress)
        debootstrap.build(step, environ=self._appliance(), progress=say, pass_fds=(self.lock,))

    @_do.register
    def _(self, step: steps.CreateDisk, progress: Progress) -> None:
        base = (step.backing, step.backing_format)
        qemu_img.create(step.to, step.format, step.size, *base, pass_fds=(self.lock,))

    @_do.register
    def _(self, step: steps.Stamp, progress: Progress) -> None:
        files.write_stamp(step)

    @_do.register
    def _(self, step: steps.Publish, progress: Progress) -> None:
        files.publish(step)

    @_do.register
    def _(self, step: steps.Rename, progress: Progress) -> None:
        files.rename(step)

    @_do.register
    def _(self, step: steps.Trash, progress: Progress) -> None:
        files.move_to_trash(step)

    @_do.register
    def _(self, step: steps.Remove, progress: Progress) -> None:
        Path(step.path).unlink(missing_ok=True)

    @_do.register
    def _(self, step: steps.WriteRecord, progress: Progress) -> None:
        records.write(self.storage, Address.parse(step.address), step.record)

    @_do.register
    def _(self, step: steps.MoveRecord, progress: Progress) -> None:
        old, new = Address.parse(step.address), Address.parse(step.to)
        records.move(self.storage, old, new, step.changes)

    @_do.register
    def _(self, step: steps.DropRecord, progress: Progress) -> None:
        records.drop(self.storage, Address.parse(step.address))

    @_do.register
    def _(self, step: steps.Define, progress: Progress) -> None:
        accel = step.accel
        if accel == "auto":
            progress("probes acceleration", None)
            accel = acceleration.probe(self.cache)
        xml = step.xml
        if accel:
            xml = set_acceleration(xml, accel, keep_cpu=step.keep_cpu)
        self.libvirt.define(step.name, xml)

    @_do.register
    def _(self, step: steps.RenameDomain, progress: Progress) -> None:
        self.libvirt.rename(step.name, step.to)

    @_do.register
    def _(self, step: steps.Autostart, progress: Progress) -> None:
        self.libvirt.autostart(step.name, step.on)

    @_do.register
    def _(self, step: steps.Start, progress: Progress) -> None:
        self.libvirt.start(step.name)

    @_do.register
    def _(self, step: steps.Shutdown, progress: Progress) -> None:
        progress("waits for the guest to power off", None)
        self.libvirt.shutdown(step.name, step.timeout, step.force)

    @_do.register
    def _(self, step: steps.Undefine, progress: Progress) -> None:
        self.libvirt.undefine(step.name)

    @_do.register
    def _(self, step: steps.DefineNetwork, progress: Progress) -> None:
        self.libvirt.networks.define(step.name, step.xml)

    @_do.register
    def _(self, step: steps.AutostartNetwork, progress: Progress) -> None:
        self.libvirt.networks.autostart(step.name, step.on)

    @_do.register
    def _(self, step: steps.StartNetwork, progress: Progress) -> None:
        self.libvirt.networks.start(step.name)

    @_do.register
    def _(self, step: steps.ReattachCards, progress: Progress) -> None:
        self.libvirt.networks.reattach(step.name)

    @_do.register
    def _(self, step: steps.UpdateNetwork, progress: Progress) -> None:
        self.libvirt.networks.update(step)

    @_do.register
    def _(self, step: steps.StopNetwork, progress: Progress) -> None:
        self.libvirt.networks.stop(step.name)

    @_do.register
    def _(self, step: steps.UndefineNetwork, progress: Progress) -> None:
        self.libvirt.networks.undefine(step.name)

    @_do.register
    def _(self, step: steps.BlockResize, progress: Progress) -> None:
        self.libvirt.block_resize(step.domain, step.path, step.size)

    @_do.register
    def _(self, step: steps.AttachDevice, progress: Progress) -> None:
        with self.libvirt.domain(step.name, "plug a device into") as domain:
            libvirt_devices.attach(domain, step.xml)

    @_do.register
    def _(self, step: steps.DetachDevice, progress: Progress) -> None:
        progress("waits for the guest to let go", None)
        with self.libvirt.domain(step.name, "take a device out of"):
            libvirt_devices.detach(self.libvirt.uri, step.name, step.alias, step.timeout)

    @_do.register
    def _(self, step: steps.UpdateDevice, progress: Progress) -> None:
        with self.libvirt.domain(step.name, "change a device of") as domain:
            libvirt_devices.update(domain, step.xml)

    @_do.register
    def _(self, step: steps.SetVcpus, progress: Progress) -> None:
        with self.libvirt.domain(step.name, "change the processors of") as domain:
            libvirt_devices.set_vcpus(domain, step.count)

    @_do.register
    def _(self, step: steps.SetMemory, progress: Progress) -> None:
        with self.libvirt.domain(step.name, "change the memory of") as domain:
            libvirt_devices.set_memory(domain, step.size)

    @_do.register
    def _(self, step: steps.Describe, progress: Progress) -> None:
        with self.libvirt.domain(step.name, "describe") as domain:
            libvirt_devices.describe(domain, step.what, step.text)

    @_do.register
    def _(self, step: steps.EditGuest, progress: Progress) -> None:
        """The record is written before a new disk is published: see the design's crash safety."""
        hashes = guest.edit(
            step,
            step.disk,
            secret=lambda source: secrets.need(secret_of(source)),
            environ=self._appliance(),
            pass_fds=(self.lock,),
            progress=words_only(progress),
        )
        size = qemu_img.info(step.disk, step.format).virtual_size
        told: Mapping[str, Any] = {
            **step.record,
            "hashes": dict(hashes),
            "inode": str(os.stat(step.disk).st_ino),
            "diskSize": size,
        }
        address = Address.parse(step.address)
        if step.fresh:
            # Until the new disk takes the old one's place, the old one's record still counts.
            before = dict(records.read(self.storage, address) or {})
            told = {**told, "before": {k: v for k, v in before.items() if k != "before"} or None}
        records.write(self.storage, address, told)

    @_do.register
    def _(self, step: steps.ExtractKernel, progress: Progress) -> None:
        say = words_only(progress)
        kernels.extract(step, environ=self._appliance(), pass_fds=(self.lock,), progress=say)

    def _appliance(self) -> Mapping[str, str]:
        return acceleration.appliance_environ(acceleration.probe(self.cache))


def words_only(progress: Progress) -> Callable[[str], None]:
    """For those who report in words alone."""
    return lambda text: progress(text, None)


@contextmanager
def _failures() -> Iterator[None]:
    """What the operating system refuses is a failure of the step, said with the file's name."""
    try:
        yield
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{name}{error.strerror or error}") from error
