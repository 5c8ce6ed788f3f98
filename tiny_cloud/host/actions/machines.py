"""Machines: definitions and power."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import acceleration
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.libvirt_xml import set_acceleration


@do.register(steps.Define)
def _(step: steps.Define, host: Hands, progress: Progress) -> None:
    accel = step.accel
    if accel == "auto":
        progress("probes acceleration", None)
        accel = acceleration.probe(host.cache)
    xml = step.xml
    if accel:
        xml = set_acceleration(xml, accel, keep_cpu=step.keep_cpu)
    host.libvirt.define(step.name, xml)


@do.register(steps.RenameDomain)
def _(step: steps.RenameDomain, host: Hands, progress: Progress) -> None:
    host.libvirt.rename(step.name, step.to)


@do.register(steps.Autostart)
def _(step: steps.Autostart, host: Hands, progress: Progress) -> None:
    host.libvirt.autostart(step.name, step.on)


@do.register(steps.Start)
def _(step: steps.Start, host: Hands, progress: Progress) -> None:
    host.libvirt.start(step.name)


@do.register(steps.Shutdown)
def _(step: steps.Shutdown, host: Hands, progress: Progress) -> None:
    progress("waits for the guest to power off", None)
    host.libvirt.shutdown(step.name, step.timeout, step.force)


@do.register(steps.Undefine)
def _(step: steps.Undefine, host: Hands, progress: Progress) -> None:
    host.libvirt.undefine(step.name)


@do.register(steps.BlockResize)
def _(step: steps.BlockResize, host: Hands, progress: Progress) -> None:
    host.libvirt.block_resize(step.domain, step.path, step.size)
