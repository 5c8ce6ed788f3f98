"""tinycloud mount."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place


@click.command()
@click.argument("disk", metavar="DISK")
@click.argument("folder", required=False)
@place
def mount(
    disk: str, folder: str | None, paths: tuple[str, ...], connect: str, storage: str
) -> None:
    """Look into a disk, or all disks of a machine, reading only, until Ctrl-C."""
    from tiny_cloud import looking, options
    from tiny_cloud.host import here, mounting
    from tiny_cloud.render.text import one_line

    meant = options.addresses(disk, *looking.KINDS)
    drives = list(looking.drives(terminal.load(paths, connect, storage), meant))
    for drive in drives:
        if drive.user:
            who = one_line(f"{drive.user} is running and writes to {drive.path}")
            click.echo(f"{who}: what you see may be inconsistent, and does not change.", err=True)
    environ = here.appliance()
    # Ctrl-C and kill alike end it cleanly.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    files = [(drive.path, drive.format) for drive in drives]
    with _place(folder, meant[0].name) as where, suppress(KeyboardInterrupt):
        click.echo("Starts the libguestfs appliance …", err=True)
        with mounting.mounted(files, where, environ) as child:
            click.echo(where)
            click.echo("Mounted, reading only; Ctrl-C unmounts it.", err=True)
            child.wait()


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
