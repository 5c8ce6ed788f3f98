"""Devices of running machines."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import libvirt_devices
from tiny_cloud.host.hands import Hands, do


@do.register(steps.AttachDevice)
def _(step: steps.AttachDevice, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.name, "plug a device into") as domain:
        libvirt_devices.attach(domain, step.xml)


@do.register(steps.DetachDevice)
def _(step: steps.DetachDevice, host: Hands, progress: Progress) -> None:
    progress("waits for the guest to let go", None)
    with host.libvirt.domain(step.name, "take a device out of"):
        libvirt_devices.detach(host.libvirt.uri, step.name, step.alias, step.timeout)


@do.register(steps.UpdateDevice)
def _(step: steps.UpdateDevice, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.name, "change a device of") as domain:
        libvirt_devices.update(domain, step.xml)


@do.register(steps.SetVcpus)
def _(step: steps.SetVcpus, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.name, "change the processors of") as domain:
        libvirt_devices.set_vcpus(domain, step.count)


@do.register(steps.SetMemory)
def _(step: steps.SetMemory, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.name, "change the memory of") as domain:
        libvirt_devices.set_memory(domain, step.size)


@do.register(steps.Describe)
def _(step: steps.Describe, host: Hands, progress: Progress) -> None:
    with host.libvirt.domain(step.name, "describe") as domain:
        libvirt_devices.describe(domain, step.what, step.text)
