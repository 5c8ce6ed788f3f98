"""Which Disk a domain's files are: the manifest names things, libvirt files. Pure."""

from __future__ import annotations

from tiny_cloud.facts import ImageFacts, Reader
from tiny_cloud.libvirt_xml import Layer, chains, open_chains
from tiny_cloud.model import State, Value
from tiny_cloud.resource import Resource


def names(machine: Resource, host: Reader, xml: str) -> State:
    """``disks[NAME].disk``: the Disk that is declared, if the whole chain is as it should be."""
    found: dict[str, Value] = {}
    there, unsaid = chains(xml), open_chains(xml)
    tops = {chain[0].path: chain[0].format for chain in there.values()
            if chain and chain[0].remote is None}
    images = host.images({path: f for path, f in tops.items() if f in ("qcow2", "raw", "luks")})
    for name, chain in there.items():
        field = f"disks[{name}].disk"
        link = machine.links.get(field)
        if chain and chain[0].remote is not None:
            continue
        if link is None or not chain:
            found[field] = _stem(machine, chain)
            continue
        info = images.get(chain[0].path)
        below = chain[1].path if len(chain) > 1 else ""
        known = chain[0].path in files(link, host)
        ending = str(link.provides()["format"]) if link.external else chain[0].path
        keyed = chain[0].secret == link.provides().get("secret", "")
        same = keyed and ending.endswith(chain[0].format) and (
            not isinstance(info, ImageFacts) or info.backing == below or name in unsaid
        )
        found[field] = link.address.name if known and same else " on ".join(
            layer.path for layer in chain
        )
    return found


def files(disk: Resource, host: Reader) -> tuple[str, ...]:
    """The files that are this disk now; before there is one, the one that will be."""
    outputs = disk.provides()
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
