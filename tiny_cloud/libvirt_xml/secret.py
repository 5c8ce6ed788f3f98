"""XML of a secret (https://libvirt.org/formatsecret.html). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from tiny_cloud.libvirt_xml.elements import E

USAGES: Mapping[str, str] = {"volume": "volume", "iscsi": "target", "ceph": "name", "tls": "name"}
"""By the type of usage, the element that says whose secret it is."""


def secret_xml(uuid: str, usage_type: str, usage: str, description: str) -> str:
    """Persistent, and private: libvirt gives its value to nobody but its own drivers."""
    secret = E.secret(
        E.uuid(uuid), E.description(description),
        E.usage(E(USAGES[usage_type], usage), type=usage_type),
        ephemeral="no", private="yes")
    etree.indent(secret)
    return etree.tostring(secret, encoding="unicode") + "\n"
