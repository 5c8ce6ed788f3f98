"""What cloud-init sets by itself in every new instance and nobody declares: it stays as it is."""

from __future__ import annotations

from tiny_cloud.cloudinit.base import Piece


def kept() -> Piece:
    """Its default locale is en_US.UTF-8, also where the image has none of the kind. It takes false
    for none; its own schema had it as a text alone in release 22."""
    return {"locale": "false", "apt": {"preserve_sources_list": True}}
