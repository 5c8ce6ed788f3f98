"""A machine's disks on the network, in the manifest's words and libvirt's. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml import Layer, remotes
from tiny_cloud.model import State, Value
from tiny_cloud.resource import Resource


def layer(machine: Resource, name: str) -> Layer | None:
    """What libvirt is to open for the disk of this name; None: it is not on the network."""
    for item in machine.spec.get("disks", ()):
        if item["name"] == name and (remote := remotes.declared(item)):
            return Layer.at(remote, item.get("format", "raw"))
    return None


def urls(machine: Resource) -> Mapping[str, tuple[str, ...]]:
    """By the disk's name."""
    return {item["name"]: (remote.url,) for item, remote in _all(machine)}


def completed(machine: Resource, fields: State) -> dict[str, Value]:
    """The declared fields with everything that goes without saying, as the host says it too."""
    told = dict(fields)
    for item, remote in _all(machine):
        path = f"disks[{item['name']}]"
        secrets = {field: value for field, value in told.items()
                   if field.startswith(path) and field.endswith(".auth.secret")}
        told = {field: value for field, value in told.items()
                if not field.startswith(f"{path}.{remote.protocol}.")}
        told |= {f"{path}.{word}": value for word, value in remotes.fields(remote)}
        told |= {f"{path}.format": item.get("format", "raw"), **secrets}
    return told


def _all(machine: Resource) -> Iterator[tuple[Mapping[str, Any], remotes.Remote]]:
    for item in machine.spec.get("disks", ()):
        if remote := remotes.declared(item):
            yield item, remote
