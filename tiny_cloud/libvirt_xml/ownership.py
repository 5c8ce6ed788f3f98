"""Whose a domain or a network is, by the stamp in its metadata."""

from __future__ import annotations

from tiny_cloud.libvirt_xml.read import stamp_of
from tiny_cloud.model import Ownership
from tiny_cloud.naming import belongs
from tiny_cloud.resource import Resource


def ownership_of(resource: Resource, xml: str, uuid: str) -> tuple[Ownership, str]:
    """And in words whose, if it is somebody else's. A copy has another UUID than its stamp."""
    mark = stamp_of(xml)
    if mark is None:
        return Ownership.UNSTAMPED, ""
    if not belongs(resource, mark):
        return Ownership.FOREIGN, f"{mark.get('address')} of the cloud {mark.get('cloud')}"
    if mark.get("uuid") != uuid:
        return Ownership.FOREIGN, f"a copy of {resource.address}"
    return Ownership.OURS, ""


def is_of(xml: str, uuid: str, cloud: str) -> bool:
    """Whether it is of a cloud, whatever it is called there."""
    mark = stamp_of(xml) or {}
    return mark.get("cloud") == cloud and mark.get("uuid") == uuid
