"""The root partition and its file system: looked at at each boot, not only at the first."""

from __future__ import annotations

from tiny_cloud.cloudinit.base import Piece, Settings


def growth(settings: Settings) -> Piece:
    if settings.get("growRoot", True):
        return {"growpart": {"mode": "auto", "devices": ["/"]}, "resize_rootfs": True}
    return {"growpart": {"mode": "off"}, "resize_rootfs": False}
