"""The trash of a cloud, wherever it lies: files, logical volumes, images of Ceph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from tiny_cloud import journal
from tiny_cloud.errors import Failure
from tiny_cloud.facts import VolumeFacts
from tiny_cloud.host import lvm, rbd, trash
from tiny_cloud.model import Cloud
from tiny_cloud.rbd_images import pools
from tiny_cloud.resource import Resource


class Trash(Struct, frozen=True):
    """What waits to be deleted for good, as of one moment."""

    cloud: Cloud
    files: tuple[tuple[Path, int], ...]
    """With bytes of each."""
    volumes: tuple[VolumeFacts, ...]
    images: tuple[rbd.Trashed, ...]
    silent: tuple[str, ...]
    """Of clusters of Ceph that do not answer: why."""

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Names and bytes."""
        yield from ((str(path), size) for path, size in self.files)
        yield from ((volume.path, volume.size) for volume in self.volumes)
        yield from ((str(image), image.size) for image in self.images)

    def purge(self, command: str, patience: float = journal.PATIENCE) -> None:
        """Delete this for good, and the storage's own folders that are empty then. What has come
        into the trash since was neither shown nor agreed to. ``command``: what history says of it.

        Raises Failure if another run does not end within ``patience`` seconds."""
        if not Path(self.cloud.storage).is_dir():
            return
        with journal.locked(Path(self.cloud.storage), command, patience) as book:
            trash.purge(self.cloud, [path for path, _ in self.files])
            lvm.purge(self.volumes, book.descriptor)
            for image in self.images:
                rbd.purge(image, book.descriptor)


def trash_of(cloud: Cloud, resources: Sequence[Resource]) -> Trash:
    """``resources``: what is declared, which says where clusters of Ceph are. Raises Failure."""
    images: list[rbd.Trashed] = []
    silent: list[str] = []
    for cluster, names in pools(resources).items():
        try:
            images += rbd.trashed(cluster, names, cloud.name)
        except Failure as failure:
            silent.append(failure.summary)
    return Trash(cloud, tuple(trash.listing(cloud)), tuple(lvm.trashed(cloud.name)),
                 tuple(images), tuple(silent))
