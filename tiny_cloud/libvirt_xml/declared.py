"""Disks, drives and cards as a machine's spec declares them: the spec's words, defaults put in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml import devices
from tiny_cloud.libvirt_xml.domain import DiskDevice, Forward, Interface, Layer, Source

SOCKETS = ("network", "bridge", "user", "direct")

Chain = Callable[[str], tuple[Layer, ...]]
"""A disk's name -> its images, the top first."""

Word = Callable[[Mapping[str, Any]], str]


def disks(
    spec: Mapping[str, Any], chain: Chain, gone: Collection[str] = ()
) -> Iterator[DiskDevice]:
    """``gone``: fields that were declared until now; they become what they are in a new one."""
    for item in spec.get("disks", ()):
        path = f"disks[{item['name']}]"
        default = {"readonly": False, "shareable": False, "discard": devices.DISCARD,
                   "serial": devices.serial(item["name"])}
        words = {key: value for key, value in default.items() if f"{path}.{key}" in gone} | item
        yield DiskDevice(
            item["name"],
            item.get("bus", ""),
            chain(item["name"]),
            readonly=words.get("readonly"),
            shareable=words.get("shareable"),
            serial=words.get("serial", ""),
            driver={key: words[key] for key in ("cache", "discard", "io") if key in words},
        )


def cdroms(spec: Mapping[str, Any]) -> Iterator[DiskDevice]:
    for item in spec.get("cdroms", ()):
        medium = (Layer(item["path"], "raw"),) if item.get("path") else ()
        yield DiskDevice(
            item["name"], item.get("bus", "sata"), medium, readonly=True, device="cdrom"
        )


def cards(
    spec: Mapping[str, Any], mac: Word, network: Word, gone: Collection[str] = ()
) -> Iterator[Interface]:
    """``mac`` and ``network``: a card's, the latter as libvirt calls it. ``gone``: fields that were
    declared until now; what they did is undone."""
    for card in spec.get("interfaces", ()):
        path = f"interfaces[{card['name']}]"
        ports = (card.get("user") or {}).get("forward", ())
        yield Interface(
            card["name"],
            mac(card),
            card.get("model", ""),
            _source(card, network),
            tuple(Forward.of(p["host"], p["guest"], p.get("protocol", "tcp")) for p in ports),
            link=card.get("link", "up" if f"{path}.link" in gone else ""),
            mtu=card.get("mtu", 0 if f"{path}.mtu" in gone else None),
        )


def _source(card: Mapping[str, Any], network: Word) -> Source:
    kind = next((kind for kind in SOCKETS if kind in card), "user")
    if kind == "direct":
        return Source(kind, card[kind]["device"], card[kind].get("mode", "bridge"))
    if kind == "network":
        return Source(kind, network(card))
    return Source(kind, str(card[kind]) if kind != "user" else "")
