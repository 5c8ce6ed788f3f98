"""A machine's kernel, where it comes out of the image that its first disk stands on. Pure.

libvirt knows files; the manifest names the image. The version that counts is the disk's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tiny_cloud.errors import Problem
from tiny_cloud.facts import FileFacts, Reader
from tiny_cloud.images.kernels import FIELD, STAMPED, files_of, first_disk
from tiny_cloud.libvirt_xml import Layer, chains
from tiny_cloud.model import State, Value
from tiny_cloud.resource import Resource

FILES = ("kernel.path", "kernel.initrd")


def faults(machine: Resource) -> Iterator[Problem]:
    """An image that is not below the first disk has not its modules either."""
    kernel = machine.spec.get("kernel", {})
    if "fromImage" not in kernel and FIELD not in machine.links:
        return
    disk = first_disk(machine)
    base = disk.links.get("image") if disk is not None else None
    at = ("spec", "kernel", "fromImage" if "fromImage" in kernel else "image")
    hint = "write path: and initrd: with files of the host, or give its first disk an image"
    if base is None:
        summary = f"the first disk of {machine.address} stands on no image to take a kernel out of"
    elif "fromImage" in kernel:
        summary = f"the first disk of {machine.address} is a document of its own"
        hint = f"write image: {base.address.name} in the place of fromImage"
    elif base.address != machine.links[FIELD].address:
        summary = f"the first disk of {machine.address} stands on {base.address}"
        hint = f"write image: {base.address.name}; a kernel needs the modules of its own version"
    elif base.external:
        summary = f"{base.address} is external, and no kernel is taken out of it"
        hint = "write path: and initrd: with files of the host"
    else:
        return
    yield from machine.refuse(at, summary, hint).problems


def completed(
    machine: Resource, chain_of: Callable[[str], Sequence[Layer]]
) -> Mapping[str, Any]:
    """The machine's spec, with files in the place of an image; ``chain_of`` a disk of this name.

    Raises Problems if the first disk really stands on something else than the image."""
    if FIELD not in machine.links:
        return machine.spec
    spec = machine.spec
    kernel = {key: value for key, value in spec["kernel"].items() if key != "image"}
    chain = chain_of(spec["disks"][0]["name"])
    image, backing = machine.link(FIELD), chain[1].path if len(chain) > 1 else "nothing"
    if not _is_version(image, backing):
        raise machine.refuse(
            ("spec", "kernel"), f"{chain[0].path} stands on {backing}, which is not {image.address}"
            ": no kernel would fit it", "take kernel out, or make the disk anew with --replace")
    path, initrd = files_of(backing)
    return {**spec, "kernel": {"path": path, "initrd": initrd, **kernel}}


def named(machine: Resource, fields: State, xml: str) -> dict[str, Value]:
    """The image in the place of the files that libvirt knows."""
    declared, path = machine.spec.get("kernel", {}), fields.get("kernel.path")
    rest = {key: value for key, value in fields.items() if key not in FILES}
    backing = _backing(machine, xml)
    if path is None or path == declared.get("path"):
        return dict(fields)
    if files_of(backing) == (path, fields.get("kernel.initrd")):
        image = machine.links.get(FIELD)
        ours = image is not None and _is_version(image, backing)
        name = backing.rpartition("/")[2].rpartition("-")[0]
        return {**rest, FIELD: image.address.name if image and ours else name}
    return {**rest, FIELD: path} if FIELD in machine.links else dict(fields)


def waiting(fields: Iterable[str], *states: State) -> tuple[str, ...]:
    """Fields that wait for a boot, in the words of ``named``."""
    out = any(FIELD in state for state in states)
    return tuple(dict.fromkeys(FIELD if out and field in FILES else field for field in fields))


def notes(machine: Resource, host: Reader, fields: State, xml: str) -> Iterator[str]:
    image = machine.links.get(FIELD)
    if image is None or fields.get(FIELD) != image.address.name:
        return
    path, _ = files_of(_backing(machine, xml))
    facts = host.files([path]).get(path)
    if isinstance(facts, FileFacts) and facts.stamp and STAMPED in facts.stamp:
        yield (f"kernel pinned: {facts.stamp[STAMPED]} of {image.address}; the guest's own "
               "upgrades do not change it")


def _backing(machine: Resource, xml: str) -> str:
    """What the first disk of a definition stands on; empty: nothing."""
    there, disks = chains(xml), machine.spec.get("disks", ())
    first = disks[0]["name"] if disks else next(iter(there), "")
    return next((layer.path for layer in there.get(first, ())[1:]), "")


def _is_version(image: Resource, path: str) -> bool:
    """Whether a file is one of those that an image has or had."""
    folder = str(image.provides()["path"]).rpartition("/")[0]
    return path.rpartition("-")[0] == f"{folder}/{image.provides().get('stem')}"
