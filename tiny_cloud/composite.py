"""A VirtualMachine document as people write it becomes plain ones: Disk or LogicalVolume, Guest
and VirtualMachine.

They keep the positions of the lines they come from, so that errors point at what was written. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tiny_cloud.cloudinit import seeds
from tiny_cloud.derived import disk_of
from tiny_cloud.document import Document
from tiny_cloud.errors import Span
from tiny_cloud.model import Cloud
from tiny_cloud.yaml12 import Path

GUEST_SIDE = ("address", "gateway", "dns", "search", "dhcp", "addresses", "gateway6", "dhcp6",
              "acceptRA", "routes", "vlans")
"""Fields of a machine's interface that are written inside the guest."""
DISK_SIDE = ("image", "base", "size", "format", "encryption", "reclaimPolicy", "volumeGroup",
             "thinPool", "preallocation", "clusterSize", "lazyRefcounts", "extendedL2")


def expand_machine(document: Document, cloud: Cloud) -> Iterator[Document]:
    """First what it stands on, then the machine itself."""
    spec = dict(document.spec)
    disks = []
    for at, item in enumerate(spec.get("disks", ())):
        made = disk_of(document.name, item)
        if made is None:
            disks.append(item)
            continue
        kind, name = made
        yield _disk(document, at, item, kind)
        disks.append({**_without(item, DISK_SIDE), "disk": name})
    if disks:
        spec["disks"] = disks
    base = next((item.get("image") for item in document.spec.get("disks", ())[:1]), None)
    if base and "fromImage" in spec.get("kernel", {}):
        spec["kernel"] = {**_without(spec["kernel"], ("fromImage",)), "image": base}
    cards = spec.get("interfaces", ())
    inside = [{key: value for key, value in card.items()
               if key in ("name", "mac", *_guest_side(card))} for card in cards]
    if cards:
        spec["interfaces"] = [_machine_side(card) for card in cards]
    settings = spec.get("guest", {})
    if isinstance(settings, Mapping):
        spec.pop("guest", None)
        if disks and "disk" in disks[0] and _has_guest(document.spec, inside):
            yield _guest(document, settings, disks[0]["disk"], inside)
            spec["guest"] = document.name
            if seeds.wanted(settings):
                spec["cdroms"] = [*spec.get("cdroms", ()), seeds.drive(cloud, document.name)]
    yield replace(document, spec=spec)


def _has_guest(spec: Mapping[str, Any], cards: list[dict[str, Any]]) -> bool:
    """Whether something is to be written into its first disk. Where that is blank, an address alone
    does not say so: the network gives it out to whatever is installed there."""
    first = spec["disks"][0]
    blank = not first.keys() & {"disk", "image", "base"} and "guest" not in spec
    outside = {"name", "mac", *(("address",) if blank else ())}
    return bool(spec.get("guest")) or any(card.keys() - outside for card in cards)


def _machine_side(card: Mapping[str, Any]) -> dict[str, Any]:
    """A network gives an address out as well: it has to know whose it is."""
    kept = {"address": card["address"]} if {"address", "network"} <= card.keys() else {}
    return {**_without(card, _guest_side(card)), **kept}


def _guest_side(card: Mapping[str, Any]) -> tuple[str, ...]:
    """The MTU is libvirt's where that can set it: the guest's driver learns of it."""
    return (*GUEST_SIDE, "mtu") if card.keys() & {"user", "direct"} else GUEST_SIDE


def _disk(document: Document, at: int, item: Mapping[str, Any], kind: str) -> Document:
    spec = {key: item[key] for key in DISK_SIDE if key in item}
    origin: dict[Path, Path] = {("spec",): ("spec", "disks", at)}
    return _derive(document, kind, f"-{item['name']}", spec, origin)


def _guest(
    document: Document, settings: Mapping[str, Any], disk: str, cards: list[dict[str, Any]]
) -> Document:
    spec = {"disk": disk, "machine": document.name, **settings}
    if cards:
        spec["interfaces"] = cards
    origin: dict[Path, Path] = {
        ("spec",): ("spec", "guest"),
        ("spec", "interfaces"): ("spec", "interfaces"),
    }
    return _derive(document, "Guest", "", spec, origin)


def _derive(
    document: Document, kind: str, suffix: str, spec: Mapping[str, Any],
    origins: Mapping[Path, Path],
) -> Document:
    """A plain document made of parts of another; ``origins``: path in the new one -> path there.

    It is renamed along with the other."""
    metadata = {**document.metadata, "name": (name := f"{document.name}{suffix}")}
    if "renamedFrom" in metadata:
        metadata["renamedFrom"] = f"{metadata['renamedFrom']}{suffix}"
    return replace(
        document,
        kind=kind,
        name=name,
        metadata=metadata,
        spec=spec,
        spans=_moved(document.spans, origins),
        keys=_moved(document.keys, origins),
    )


def _moved(spans: Mapping[Path, Span], origins: Mapping[Path, Path]) -> dict[Path, Span]:
    """The spans below each origin under their new paths; the document's own place stays."""
    found: dict[Path, Span] = {(): spans[()]} if () in spans else {}
    for new, old in origins.items():
        if old in spans:
            found |= {
                (*new, *path[len(old) :]): span
                for path, span in spans.items()
                if path[: len(old)] == old
            }
    return found


def _without(item: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in fields}
