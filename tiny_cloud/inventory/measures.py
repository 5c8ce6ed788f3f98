"""What there is to say of a thing beyond its fields, kind by kind, as JSON has it. Pure.

Sizes are bytes; what is not known has no entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tiny_cloud.inventory import Thing
from tiny_cloud.inventory.chains import Layer
from tiny_cloud.model import State
from tiny_cloud.snapshots import standing

Measures = dict[str, Any]
OFF = "shut off"
"""In libvirt's words (virsh list)."""


def measures(thing: Thing) -> Measures:
    """Of a kind that has nothing more to say, nothing."""
    tell = KINDS.get(thing.resource.address.kind)
    found = tell(thing) if tell else {}
    return {key: value for key, value in found.items() if value not in (None, "", [], 0)}


def fields(thing: Thing) -> State:
    """As they are or, of what is not there, as they shall be."""
    return thing.observed.fields if thing.observed else thing.resource.desired()


def _machine(thing: Thing) -> Measures:
    seen, now = thing.observed, fields(thing)
    addresses = [(key.removeprefix("address:"), str(value))
                 for key, value in thing.resource.provides().items() if key.startswith("address:")]
    return {
        "state": ("running" if seen.running else OFF) if seen else None,
        "cpus": now.get("cpus"),
        "memory": now.get("memory"),
        "addresses": [{"interface": card, "address": value} for card, value in addresses],
        "domain": seen.domain if seen else thing.resource.provides()["domain"],
        "uuid": seen.identity if seen else None,
        "snapshots": [snapshot.name for snapshot in standing.snapshots(seen)] if seen else [],
    }


def _disk(thing: Thing) -> Measures:
    seen = thing.observed
    own = _own(thing)
    return {
        "virtualSize": virtual_size(thing),
        "declaredSize": thing.resource.desired().get("size"),
        "actualSize": own.actual_size if own else None,
        "path": own.path if own else None,
        "format": own.format if own else None,
        "chain": [_layer(layer) for layer in thing.chain],
        "usedBy": list(seen.attached_to or seen.users) if seen else [],
        "standingOn": [str(address) for address in seen.needed_by] if seen else [],
    }


def virtual_size(thing: Thing) -> object:
    """Bytes that a guest sees: a disk in use says itself how many."""
    seen = thing.observed
    return (seen.fields.get("size") or seen.facts.get("virtual_size")) if seen else None


def _image(thing: Thing) -> Measures:
    seen, own = thing.observed, _own(thing)
    versions = seen.facts.get("versions", {}) if seen else {}
    assert isinstance(versions, Mapping)
    return {
        "virtualSize": own.virtual_size if own else None,
        "actualSize": own.actual_size if own else None,
        "path": own.path if own else None,
        "format": own.format if own else None,
        "versions": sorted(path for path in versions if path.endswith(".qcow2")),
        "standingOn": [str(address) for address in seen.needed_by] if seen else [],
    }


def _network(thing: Thing) -> Measures:
    seen, now = thing.observed, fields(thing)
    live = seen.facts.get("live", {}) if seen else {}
    assert isinstance(live, Mapping)
    return {
        "state": ("active" if seen.running else "inactive") if seen else None,
        "forward": now.get("forward"),
        "subnet": now.get("subnet"),
        "bridge": live.get("bridge"),
        "network": seen.facts.get("name") if seen else thing.resource.provides()["network"],
        "usedBy": list(seen.users) if seen else [],
    }


def _guest(thing: Thing) -> Measures:
    links = thing.resource.links
    return {
        "disk": links["disk"].address.name if "disk" in links else None,
        "hostname": fields(thing).get("hostname"),
        "usedBy": list(thing.observed.users) if thing.observed else [],
    }


def _own(thing: Thing) -> Layer | None:
    name = str(thing.resource.address)
    return next((layer for layer in thing.chain if layer.owner == name), None)


def _layer(layer: Layer) -> Measures:
    return {"path": layer.path, "format": layer.format, "owner": layer.owner,
            "virtualSize": layer.virtual_size, "actualSize": layer.actual_size}


KINDS: Mapping[str, Callable[[Thing], Measures]] = {
    "virtualmachine": _machine,
    "disk": _disk,
    "logicalvolume": _disk,
    "rbdimage": _disk,
    "image": _image,
    "network": _network,
    "guest": _guest,
}
