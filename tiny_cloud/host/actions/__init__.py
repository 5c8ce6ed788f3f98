"""What each step does to this machine, a file an area; the import registers them with ``do``."""

from tiny_cloud.host.actions import (
    devices,
    files,
    guests,
    images,
    layers,
    machines,
    networks,
    rbd,
    secrets,
    seeds,
    snapshots,
    volumes,
)

__all__ = ["devices", "files", "guests", "images", "layers", "machines", "networks", "rbd",
           "secrets", "seeds", "snapshots", "volumes"]
