"""Which Disk a domain's files are: the manifest names things, libvirt files. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud import layers, rbd_images
from tiny_cloud.errors import Problem
from tiny_cloud.facts import ImageFacts, Reader
from tiny_cloud.libvirt_xml import Layer, chains, open_chains
from tiny_cloud.model import Address, State, Value
from tiny_cloud.resource import Resource


def names(machine: Resource, host: Reader, xml: str) -> State:
    """``disks[NAME].disk``: the Disk that is declared, if the whole chain is as it should be."""
    found: dict[str, Value] = {}
    there, unsaid = chains(xml), open_chains(xml)
    tops = {chain[0].path: chain[0].format for chain in there.values()
            if chain and chain[0].remote is None}
    known_as = {path: form for path, form in tops.items() if form in layers.ENDINGS}
    images, below = host.images(known_as), layers.chains(host, known_as)
    for name, chain in there.items():
        field = f"disks[{name}].disk"
        link = machine.links.get(field)
        if chain and chain[0].remote is not None:
            if link is not None and link.address.kind == rbd_images.KIND:
                there_is = rbd_images.is_at(link, chain[0].path)
                found[field] = link.address.name if there_is else chain[0].path
            continue
        if link is None or not chain:
            found[field] = _stem(machine, chain)
            continue
        info = images.get(chain[0].path)
        said = [layer.path for layer in chain[1:]]
        known = chain[0].path in files(link, host)
        # What is ours and a file has its format for an ending.
        device = link.external or chain[0].path.startswith("/dev/")
        ending = str(link.provides()["format"]) if device else chain[0].path
        keyed = chain[0].secret == link.provides().get("secret", "")
        same = keyed and ending.endswith(chain[0].format) and (
            not isinstance(info, ImageFacts) or name in unsaid
            or [path for path, _ in below[chain[0].path]] == said
        )
        found[field] = link.address.name if known and same else " on ".join(
            layer.path for layer in chain
        )
    return found


def faults(machine: Resource) -> Iterator[Problem]:
    """A base that a machine writes to is broken for everything that stands on it."""
    for at, item in enumerate(machine.spec.get("disks", ()) if machine.spec.get("running", True)
                              else ()):
        disk = machine.links.get(f"disks[{item['name']}].disk")
        above = [other.address for other in disk.referrers.values()
                 if layers.base_of(other) is disk] if disk and not item.get("readonly") else []
        if disk and above:
            yield from machine.refuse(
                ("spec", "disks", at),
                f"{machine.address} writes to {disk.address}, on which "
                f"{', '.join(map(str, above))} stands",
                "write running: false, or readonly: true, or take the disk out: "
                "a base is never written").problems


def written(machine: Resource) -> frozenset[Address]:
    """The disks that it writes to while it runs."""
    return frozenset(
        machine.links[field].address for item in machine.spec.get("disks", ())
        if (field := f"disks[{item['name']}].disk") in machine.links and not item.get("readonly"))


def files(disk: Resource, host: Reader) -> tuple[str, ...]:
    """The files that are this disk now; before there is one, the one that will be. Of an image of
    Ceph its URL."""
    outputs = disk.provides()
    if disk.address.kind == rbd_images.KIND:
        return (str(outputs["path"]),)
    for key in ("names", "former_names"):
        paths = outputs[key]
        assert isinstance(paths, tuple)
        if there := tuple(host.files([str(path) for path in paths])):
            return there
    return (str(outputs["path"]),)


def _stem(machine: Resource, chain: tuple[Layer, ...]) -> str:
    """What a disk that is no longer declared was called."""
    place, _, file = (chain[0].path if chain else "").rpartition("/")
    ours = place == machine.context.cloud.path("disks")
    return file.rpartition(".")[0] if ours else "/".join(filter(None, (place, file)))
