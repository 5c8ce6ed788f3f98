"""tinycloud mount."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place

if TYPE_CHECKING:
    from tiny_cloud.api import Workspace
    from tiny_cloud.resource import Resource


@click.command()
@click.argument("disk", metavar="DISK")
@click.argument("folder", required=False)
@place
def mount(
    disk: str, folder: str | None, paths: tuple[str, ...], connect: str, storage: str
) -> None:
    """Look into a disk, or all disks of a machine, reading only, until Ctrl-C."""
    from tiny_cloud.api import CACHE
    from tiny_cloud.host import acceleration, mounting

    workspace = terminal.load(paths, connect, storage)
    resource = terminal.named(workspace, disk, "disk", "virtualmachine")
    drives = _drives(workspace, resource)
    environ = acceleration.appliance_environ(acceleration.probe(CACHE))
    # Ctrl-C and kill alike end it cleanly.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _place(folder, resource.address.name) as where, suppress(KeyboardInterrupt):
        click.echo("Starts the libguestfs appliance …", err=True)
        with mounting.mounted(drives, where, environ) as child:
            click.echo(where)
            click.echo("Mounted, reading only; Ctrl-C unmounts it.", err=True)
            child.wait()


def _drives(workspace: Workspace, resource: Resource) -> list[tuple[str, str]]:
    """Path and format of each disk, as it is now. Raises Failure; warns of those in use."""
    from tiny_cloud import looking

    drives = []
    for drive in looking.drives(workspace, resource):
        if drive.user:
            click.echo(f"{drive.user} is running and writes to {drive.path}: what you see may be "
                       "inconsistent, and does not change.", err=True)
        drives.append((drive.path, drive.format))
    return drives


@contextmanager
def _place(folder: str | None, name: str) -> Iterator[str]:
    """An empty folder: the one that is meant, or one of our own that goes afterwards."""
    from tiny_cloud.errors import Failure

    if folder is None:
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as made:
            yield made
        return
    where = Path(folder).resolve()
    if not where.is_dir() or any(where.iterdir()):
        raise Failure(f"{where} is not an empty folder", "name one, or none at all")
    yield str(where)
