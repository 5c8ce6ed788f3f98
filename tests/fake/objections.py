"""What qemu, libvirt and the rules of safety would object to: the host in memory is as strict."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from tests.fake.rbd import disk_at, place_of
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
    for name, chain in chains(host.domain[step.name].xml).items():
        if chain and (remote := chain[0].remote):
            if remote.user and remote.secret not in host.libvirt_secret:
                return f"{step.name} starts without the secret {remote.secret}"
            if in_use(host, remote.url):
                return f"{step.name} starts on {remote.url}, which is in use"
            continue
        if chain and chain[0].path in host.volume:
            if in_use(host, chain[0].path):
                return f"{step.name} starts on {chain[0].path}, which is in use"
            continue
        missing = [layer.path for layer in chain if layer.path not in host.file]
        if missing:
            return f"{step.name} starts without {missing}"
        top = host.file[chain[0].path]
        above = [p for p, f in host.file.items() if f.facts.backing == chain[0].path]
        if any("/disks/" in path for path in above) and not fields[f"disks[{name}].readonly"]:
            return f"{step.name} writes to {chain[0].path}, which is a base"
        real = chain_of(host, chain[0].path)
        if in_use(host, chain[0].path):
            return f"{step.name} starts on {chain[0].path}, which is in use"
        if real != [layer.path for layer in chain]:
            return f"{step.name} starts with a chain that is not the disk's"
        ours = chain[0].path.startswith(host.cloud.storage)
        if ours and (top.stamp or {}).get("cloud") != host.cloud.name:
            return f"{step.name} starts on {chain[0].path}, which is not ours"
    return ""


@objection.register(steps.EditGuest)
def _(step: steps.EditGuest, host: FakeHost) -> str:
    if step.disk in host.volume:
        return f"{step.disk} is edited while in use" if in_use(host, step.disk) else ""
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
    there = in_use(host, disk_at(host, step))
    return "" if there else f"{step.path} is resized live and not in use"


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


@objection.register(steps.RenameVolume)
def _(step: steps.RenameVolume, host: FakeHost) -> str:
    if step.path not in host.volume:
        return ""
    if in_use(host, step.path):
        return f"{step.path} is renamed while in use"
    return f"{step.to} would be overwritten" if step.to in host.volume else ""


@objection.register(steps.TrashVolume)
def _(step: steps.TrashVolume, host: FakeHost) -> str:
    if step.trash in host.volume:
        return f"{step.trash} would be overwritten"
    return f"{step.path} goes to the trash while in use" if in_use(host, step.path) else ""


@objection.register(steps.GrowRBDImage)
@objection.register(steps.TrashRBDImage)
def _(step: steps.GrowRBDImage | steps.TrashRBDImage, host: FakeHost) -> str:
    """Growing it would do no harm, but the guest would not see it."""
    used = [url for url in host.disk_users() if url.startswith("rbd://")
            and place_of(url) == step.image and in_use(host, url)]
    return f"{step.image} is in use at {used}" if used else ""


@objection.register(steps.RenameRBDImage)
def _(step: steps.RenameRBDImage, host: FakeHost) -> str:
    return f"{step.to} would be overwritten" if step.to in host.rbd else ""


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
        if path.startswith("/") and path not in host.file and path not in host.volume:
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


@objection.register(steps.RebaseDisk)
def _(step: steps.RebaseDisk, host: FakeHost) -> str:
    if in_use(host, step.path):
        return f"{step.path} is rebased while in use"
    above = [p for p, f in host.file.items() if f.facts.backing == step.path]
    if above:
        return f"{step.path} is rebased under {above}"
    return "" if step.backing in ("", *host.file) else f"{step.backing} is not there"


def chain_of(host: FakeHost, path: str) -> list[str]:
    below = host.file[path].facts.backing if path in host.file else ""
    return [path, *chain_of(host, below)] if below else [path]


def in_use(host: FakeHost, path: str) -> bool:
    use = host.disk_users().get(path)
    return use is not None and use.running and not use.base
