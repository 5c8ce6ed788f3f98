"""Which running machine's card is plugged into which network, by its tap device on the host."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from msgspec import Struct


class Tap(Struct, frozen=True):
    device: str
    """On the host: ``vnet3``."""
    network: str
    """libvirt's name."""
    bridge: str
    """Where libvirt believes it to be."""
    xml: str
    """The <interface>, without the tap's name: that cannot be changed and need not be said."""


def taps(live_xml: str) -> Iterator[Tap]:
    for item in etree.fromstring(live_xml).iterfind("devices/interface"):
        source, target = item.find("source"), item.find("target")
        if source is None or target is None or not source.get("network"):
            continue
        item.remove(target)
        # A card on a network that is a bridge of the host is shown as one of type bridge.
        item.set("type", "network")
        xml = etree.tostring(item, encoding="unicode", with_tail=False)
        yield Tap(target.get("dev", ""), source.get("network", ""), source.get("bridge", ""), xml)
