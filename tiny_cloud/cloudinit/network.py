"""network-config version 2, which is netplan's language: written by netplan's own writer.

https://docs.cloud-init.io/en/latest/reference/network-config-format-v2.html
"""

from __future__ import annotations

import yaml

from tiny_cloud.cloudinit.base import Settings
from tiny_cloud.guests.networking import interfaces, netplan


def network_config(settings: Settings) -> str:
    """Empty: none is declared, and cloud-init asks DHCP for an address of the first card."""
    cards = interfaces.interfaces(settings)
    if not cards:
        return ""
    document = netplan.definitions(cards)
    for definition in (*document["ethernets"].values(), *document.get("vlans", {}).values()):
        # Which of the guest's ways sets the network up is cloud-init's to find out.
        definition.pop("renderer", None)
    text: str = yaml.safe_dump(document, sort_keys=False, default_flow_style=False)
    return text
