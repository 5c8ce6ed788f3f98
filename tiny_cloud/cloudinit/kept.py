"""What cloud-init sets by itself in every new instance and nobody declares: it stays as it is."""

from __future__ import annotations

from tiny_cloud.cloudinit.base import Piece


def kept() -> Piece:
    """Its default locale is en_US.UTF-8, also where the image has none of the kind."""
    return {"locale": False, "apt": {"preserve_sources_list": True}}
