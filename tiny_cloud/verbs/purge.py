"""tinycloud purge."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import YES, manifests


@click.command()
@manifests
@YES
def purge(paths: tuple[str, ...], connect: str, storage: str, yes: bool) -> None:
    """Empty the trash: what is in it is gone for good."""
    from tiny_cloud import journal
    from tiny_cloud.host import lvm, trash
    from tiny_cloud.render.text import one_line
    from tiny_cloud.sizes import about

    cloud = terminal.load(paths, connect, storage).cloud
    found, out = trash.listing(cloud), terminal.out()
    for item, size in found:
        out.print(f"  - {one_line(item)}  {about(size)}")
    volumes = lvm.trashed(cloud.name)
    for volume in volumes:
        out.print(f"  - {one_line(volume.path)}  {about(volume.size)}")
    if not found and not volumes:
        out.print("The trash is empty.")
    elif not terminal.agreed(yes, f"Delete {len(found) + len(volumes)} items for good?"):
        sys.exit(1)
    if Path(cloud.storage).is_dir():
        with journal.locked(Path(cloud.storage), " ".join(["tinycloud", *sys.argv[1:]])) as book:
            # What came into the trash since was neither shown nor agreed to.
            trash.purge(cloud, [item for item, _ in found])
            lvm.purge(volumes, book.descriptor)
