"""tinycloud purge."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import YES, manifests

if TYPE_CHECKING:
    from tiny_cloud.api import Workspace
    from tiny_cloud.host.rbd import Trashed


@click.command()
@manifests
@YES
def purge(paths: tuple[str, ...], connect: str, storage: str, yes: bool) -> None:
    """Empty the trash: what is in it is gone for good."""
    from tiny_cloud import journal
    from tiny_cloud.host import lvm, rbd, trash
    from tiny_cloud.render.text import one_line
    from tiny_cloud.sizes import about

    loaded = terminal.load(paths, connect, storage)
    cloud = loaded.cloud
    found, out = trash.listing(cloud), terminal.out()
    for item, size in found:
        out.print(f"  - {one_line(item)}  {about(size)}")
    volumes = lvm.trashed(cloud.name)
    for volume in volumes:
        out.print(f"  - {one_line(volume.path)}  {about(volume.size)}")
    images = list(_images(loaded))
    for image in images:
        out.print(f"  - {one_line(str(image))}  {about(image.size)}")
    count = len(found) + len(volumes) + len(images)
    if not count:
        out.print("The trash is empty.")
    elif not terminal.agreed(yes, f"Delete {count} items for good?"):
        sys.exit(1)
    if Path(cloud.storage).is_dir():
        command = " ".join(["tinycloud", *sys.argv[1:]])
        with journal.locked(Path(cloud.storage), command, terminal.patience()) as book:
            # What came into the trash since was neither shown nor agreed to.
            trash.purge(cloud, [item for item, _ in found])
            lvm.purge(volumes, book.descriptor)
            for image in images:
                rbd.purge(image, book.descriptor)


def _images(loaded: Workspace) -> Iterator[Trashed]:
    """In the trash of the clusters that are declared; one that does not answer is said so."""
    from tiny_cloud.errors import Failure
    from tiny_cloud.host import rbd
    from tiny_cloud.rbd_images import pools
    from tiny_cloud.render.text import one_line

    for cluster, names in pools(loaded.resources).items():
        try:
            yield from rbd.trashed(cluster, names, loaded.cloud.name)
        except Failure as failure:
            terminal.err().print(f"  ? {one_line(failure.summary)}")
