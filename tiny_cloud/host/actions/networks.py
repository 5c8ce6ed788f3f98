"""libvirt's networks."""

from __future__ import annotations

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host.hands import Hands, do


@do.register(steps.DefineNetwork)
def _(step: steps.DefineNetwork, host: Hands, progress: Progress) -> None:
    host.libvirt.networks.define(step.name, step.xml)


@do.register(steps.AutostartNetwork)
def _(step: steps.AutostartNetwork, host: Hands, progress: Progress) -> None:
    host.libvirt.networks.autostart(step.name, step.on)


@do.register(steps.StartNetwork)
def _(step: steps.StartNetwork, host: Hands, progress: Progress) -> None:
    host.libvirt.networks.start(step.name)


@do.register(steps.ReattachCards)
def _(step: steps.ReattachCards, host: Hands, progress: Progress) -> None:
    host.libvirt.networks.reattach(step.name)


@do.register(steps.UpdateNetwork)
def _(step: steps.UpdateNetwork, host: Hands, progress: Progress) -> None:
    host.libvirt.networks.update(step)


@do.register(steps.StopNetwork)
def _(step: steps.StopNetwork, host: Hands, progress: Progress) -> None:
    host.libvirt.networks.stop(step.name)


@do.register(steps.UndefineNetwork)
def _(step: steps.UndefineNetwork, host: Hands, progress: Progress) -> None:
    host.libvirt.networks.undefine(step.name)
