"""Addresses of a running machine's cards, from those whom libvirt can ask."""

from __future__ import annotations

from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.libvirt_connection import libvirt

SOURCES = {
    "agent": "VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT",
    "lease": "VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE",
    "arp": "VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP",
}


def addresses(
    connection: Libvirt, domain: str, source: str
) -> list[tuple[str, str, int | None]]:
    """MAC, address and prefix length, which no table of neighbours has. The agent is asked by a
    connection that may also write (virDomainInterfaceAddresses). Raises Failure."""
    with connection.domain(domain, f"ask ({source}) for the addresses of") as found:
        told = found.interfaceAddresses(getattr(libvirt, SOURCES[source]), 0)
    return [(str(device.get("hwaddr") or "").lower(), one["addr"], one["prefix"] or None)
            for device in told.values() for one in device.get("addrs") or ()]
