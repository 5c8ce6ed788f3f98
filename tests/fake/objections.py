"""What qemu, libvirt and the rules of safety would object to: the host in memory is as strict."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from tiny_cloud import steps
from tiny_cloud.libvirt_xml import chains, disk_paths, read

if TYPE_CHECKING:
    from tests.fake.host import FakeHost


@singledispatch
def objection(step: steps.Step, host: FakeHost) -> str:
    """Why the step cannot be done now; empty: it can."""
    return ""


@objection.register(steps.Start)
def _(step: steps.Start, host: FakeHost) -> str:
    if host.domain[step.name].live_xml:
        return ""
    fields = read(host.domain[step.name].xml)
    for key in ("kernel.path", "kernel.initrd"):
        if fields.get(key, "/boot") not in host.file and str(fields.get(key)).startswith(
                host.cloud.storage):
            return f"{step.name} starts without {fields[key]}"
    for chain in chains(host.domain[step.name].xml).values():
        if chain and (remote := chain[0].remote):
            if remote.user and remote.secret not in host.libvirt_secret:
                return f"{step.name} starts without the secret {remote.secret}"
            continue
        missing = [layer.path for layer in chain if layer.path not in host.file]
        if missing:
            return f"{step.name} starts without {missing}"
        top = host.file[chain[0].path]
        if in_use(host, chain[0].path):
            return f"{step.name} starts on {chain[0].path}, which is in use"
        if top.facts.backing != (chain[1].path if len(chain) > 1 else ""):
            return f"{step.name} starts with a chain that is not the disk's"
        ours = chain[0].path.startswith(host.cloud.storage)
        if ours and (top.stamp or {}).get("cloud") != host.cloud.name:
            return f"{step.name} starts on {chain[0].path}, which is not ours"
    return ""


@objection.register(steps.EditGuest)
def _(step: steps.EditGuest, host: FakeHost) -> str:
    if step.disk not in host.file:
        return f"{step.disk} is edited and not there"
    if not step.fresh and (host.file[step.disk].stamp or {}).get("cloud") != host.cloud.name:
        return f"{step.disk} is edited and not ours"
    return f"{step.disk} is edited while in use" if in_use(host, step.disk) else ""


@objection.register(steps.Run)
def _(step: steps.Run, host: FakeHost) -> str:
    return f"{step.argv} on a disk in use" if in_use(host, resized(step)) else ""


@objection.register(steps.BlockResize)
def _(step: steps.BlockResize, host: FakeHost) -> str:
    return "" if in_use(host, step.path) else f"{step.path} is resized live and not in use"


@objection.register(steps.Trash)
def _(step: steps.Trash, host: FakeHost) -> str:
    above = [p for p, f in host.file.items() if f.facts.backing == step.path and "/disks/" in p]
    if in_use(host, step.path):
        return f"{step.path} goes to the trash while in use"
    return f"{step.path} goes to the trash under {above}" if above else ""


@objection.register(steps.CreateDisk)
def _(step: steps.CreateDisk, host: FakeHost) -> str:
    missing = step.backing and step.backing not in host.file
    return f"{step.to} is made on {step.backing}, which is not there" if missing else ""


@objection.register(steps.Publish)
def _(step: steps.Publish, host: FakeHost) -> str:
    return f"{step.final} would be overwritten" if step.final in host.file else ""


@objection.register(steps.Rename)
def _(step: steps.Rename, host: FakeHost) -> str:
    if step.path not in host.file:
        return ""
    if in_use(host, step.path):
        return f"{step.path} is renamed while in use"
    return f"{step.to} would be overwritten" if step.to in host.file else ""


@objection.register(steps.RenameDomain)
def _(step: steps.RenameDomain, host: FakeHost) -> str:
    facts = host.domain.get(step.name)
    if facts is None or step.name == step.to:
        return ""
    if step.to in host.domain:
        return f"there is a {step.to} already"
    return f"{step.name} is renamed while it runs" if facts.live_xml else ""


@objection.register(steps.AttachDevice)
def _(step: steps.AttachDevice, host: FakeHost) -> str:
    for path, _ in disk_paths(f"<domain><devices>{step.xml}</devices></domain>"):
        if path.startswith("/") and path not in host.file:
            return f"{path} is plugged in and not there"
        if in_use(host, path):
            return f"{path} is plugged in and in use"
    return ""


@objection.register(steps.Undefine)
def _(step: steps.Undefine, host: FakeHost) -> str:
    return f"{step.name} is undefined while it runs" if host.domain[step.name].live_xml else ""


def resized(step: steps.Run) -> str:
    """The path that ``qemu-img resize`` is given, by itself or among options."""
    words = dict(word.partition("=")[::2] for word in step.argv[-2].split(","))
    return words.get("file.filename", step.argv[-2])


def in_use(host: FakeHost, path: str) -> bool:
    use = host.disk_users().get(path)
    return use is not None and use.running and not use.base
