"""The networks of a libvirt connection, and the cards of running machines on them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.facts import NetworkFacts
from tiny_cloud.host import command
from tiny_cloud.host.libvirt_connection import ignoring, libvirt
from tiny_cloud.libvirt_xml import Tap, read_network, taps
from tiny_cloud.steps import UpdateNetwork

DEVICES = Path("/sys/class/net")
_DEFINING = threading.Lock()
"""Two that are defined at the same moment get the same bridge from libvirt (9.0): it looks for a
free virbrN before it takes the network in, and holds no lock between."""


class Networks(Struct, frozen=True):
    connection: Callable[[], Any]
    failing: Callable[[str], AbstractContextManager[None]]
    """libvirt's errors as a Failure to do what the words say."""

    def facts(self) -> dict[str, NetworkFacts]:
        """All networks by name; none where this libvirt has no networks at all."""
        with self.failing("cannot list the networks"):
            found = map(_facts, self._list())
            return {facts.name: facts for facts in found if facts is not None}

    def _list(self) -> list[Any]:
        with ignoring(libvirt.VIR_ERR_NO_SUPPORT):
            return list(self.connection().listAllNetworks(0))
        return []

    def define(self, name: str, xml: str) -> None:
        """New or in place; validated against libvirt's schema. What is active stays as it is."""
        with self.failing(f"cannot define the network {name}"):
            flags = libvirt.VIR_NETWORK_DEFINE_VALIDATE
            with _DEFINING:
                self.connection().networkDefineXMLFlags(xml, flags)

    def autostart(self, name: str, on: bool) -> None:
        with self.failing(f"cannot switch the autostart of the network {name}"):
            self._lookup(name).setAutostart(int(on))

    def start(self, name: str) -> None:
        """One that is active already is fine. Raises Failure also if a card cannot be put back."""
        with self.failing(f"cannot start the network {name}"):
            network = self._lookup(name)
            if not network.isActive():
                network.create()
        self.reattach(name)

    def stop(self, name: str) -> None:
        with self.failing(f"cannot stop the network {name}"):
            network = self._find(name)
            if network is not None and network.isActive():
                network.destroy()

    def undefine(self, name: str) -> None:
        with self.failing(f"cannot undefine the network {name}"):
            network = self._find(name)
            if network is not None and network.isPersistent():
                network.undefine()

    def update(self, step: UpdateNetwork) -> None:
        with self.failing(f"cannot change {step.section} of the network {step.name}"):
            word = step.section.upper().replace("-", "_")
            section = getattr(libvirt, f"VIR_NETWORK_SECTION_{word}")
            commands = {"add": libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
                        "delete": libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE}
            flags = (libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if step.live else 0) | (
                libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG if step.config else 0)
            network = self._lookup(step.name)
            network.update(commands[step.command], section, step.parent, step.xml, flags)

    # -- cards ------------------------------------------------------------------------------------

    def reattach(self, name: str) -> None:
        """Every running machine's card on the network is on its bridge afterwards, or Failure."""
        with self.failing(f"cannot put the cards back on the network {name}"):
            bridge = str(read_network(self._lookup(name).XMLDesc(0)).get("bridge", ""))
            for domain, tap in self._cards(name):
                if tap.bridge != bridge:
                    # Another bridge than before: libvirt has to know, and moves the card itself.
                    with ignoring(libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
                        domain.updateDeviceFlags(tap.xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)
                if tap.device not in ports_of(bridge) and _exists(tap.device):
                    # To libvirt nothing has changed, so that it does nothing by itself.
                    command.run(("ip", "link", "set", "dev", tap.device, "master", bridge))
                if tap.device not in ports_of(bridge) and _exists(tap.device):
                    raise Failure(
                        f"the card {tap.device} of {domain.name()} is not on the bridge {bridge}",
                        f"as root: ip link set dev {tap.device} master {bridge}")

    def _cards(self, name: str) -> Iterator[tuple[Any, Tap]]:
        active = libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
        for domain in self.connection().listAllDomains(active):
            with ignoring(libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
                yield from ((domain, tap) for tap in taps(domain.XMLDesc(0))
                            if tap.network == name)

    def _lookup(self, name: str) -> Any:
        return self.connection().networkLookupByName(name)

    def _find(self, name: str) -> Any:
        with ignoring(libvirt.VIR_ERR_NO_NETWORK):
            return self._lookup(name)
        return None


def bridges() -> dict[str, frozenset[str]]:
    """The host's bridges by name, and what is plugged into each."""
    return {name: ports_of(name) for name in os.listdir(DEVICES)
            if (DEVICES / name / "bridge").is_dir()}


def ports_of(bridge: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(DEVICES / bridge / "brif"))
    except FileNotFoundError:
        return frozenset()


def _exists(device: str) -> bool:
    """A tap goes with its machine, which may have ended meanwhile."""
    return (DEVICES / device).exists()


def _facts(network: Any) -> NetworkFacts | None:
    """None: it went away while we looked."""
    with ignoring(libvirt.VIR_ERR_NO_NETWORK):
        persistent, active = bool(network.isPersistent()), bool(network.isActive())
        xml = _definition(network)
        live = network.XMLDesc(0) if active else ""
        autostart = persistent and bool(network.autostart())
        return NetworkFacts(
            network.name(), network.UUIDString(), xml, live, autostart, persistent)
    return None


def _definition(network: Any) -> str:
    """The inactive one; a driver that does not know the flag (libvirt's own test driver) has only
    one."""
    with ignoring(libvirt.VIR_ERR_INVALID_ARG):
        return str(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
    return str(network.XMLDesc(0))
