"""The steps that make a volume, up to where a guest is written into it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud import encryption, layers
from tiny_cloud.model import Change
from tiny_cloud.resource import Resource
from tiny_cloud.schema import secret_of
from tiny_cloud.steps import CreateVolume, EncryptVolume, FillVolume, GrowVolume, Step
from tiny_cloud.volumes import tags
from tiny_cloud.volumes.declared import type_of


def require(volume: Resource, change: Change) -> None:
    """Raises Problems for what would not hold its image, or does not open with its key."""
    image, origin = (volume.links.get(key) for key in ("image", "snapshotOf"))
    layers.require_room(volume, image, volume.desired().get("size"), change,
                        encryption.header_of(volume))
    key, theirs = encryption.source_of(volume), encryption.source_of(origin) if origin else None
    if key and theirs and key != theirs:
        assert origin is not None
        raise volume.refuse(
            ("spec", "encryption", "secret"),
            f"{volume.address} opens with the key of {origin.address}, of which it is a snapshot, "
            f"and that is from {secret_of(theirs)}", f"write the secret as in {origin.address}")


def made(volume: Resource, path: str) -> Iterator[Step]:
    """``path``: what it is called until it is finished."""
    size, kind, key = volume.desired().get("size"), type_of(volume), encryption.source_of(volume)
    assert size is None or isinstance(size, int | str)
    pool, origin = (volume.links[field].provides()["volume"] if field in volume.links else ""
                    for field in ("thinPool", "snapshotOf"))
    marks = (tags.owner(volume.context.cloud.name, str(volume.address)), tags.INCOMPLETE)
    yield CreateVolume(
        path, kind, size, volume.spec.get("stripes"), str(pool), str(origin), marks)
    if key and not origin:
        yield EncryptVolume(path, key)
    if "image" in volume.links:
        image = volume.links["image"].provides()
        # Behind a LUKS header zeros are no zeros.
        zeroed = kind == "thin" and not volume.links["thinPool"].external and not key
        yield FillVolume(path, str(image["path"]), str(image["format"]), zeroed, key)
    if origin and kind == "thin" and isinstance(size, int):
        yield GrowVolume(path, size)
