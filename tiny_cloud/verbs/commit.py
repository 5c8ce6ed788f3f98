"""tinycloud commit."""

from __future__ import annotations

import sys

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, YES, place


@click.command()
@click.argument("disk")
@click.argument("image", metavar="NEW-IMAGE")
@place
@COMMANDS
@YES
def commit(
    disk: str, image: str, paths: tuple[str, ...], connect: str, storage: str, commands: bool,
    yes: bool,
) -> None:
    """Make a base image of all that DISK shows, and print its document for git.

    What is in the disk is in the image: also host keys and the hashes of passwords, and every user
    of this host can read it."""
    from tiny_cloud import options
    from tiny_cloud.errands.commit import document, errand

    (source,), (target,) = options.addresses(disk, "disk"), options.addresses(image, "image")
    workspace = terminal.load(paths, connect, storage)
    planned = workspace.errand(errand(source, target))
    code = terminal.carry_out(planned, yes=yes, commands=commands, aside=True)
    if code == 0:
        made = workspace.record("image", target.name)["spec"]["source"]
        click.echo(document(target.name, made), nl=False)
    sys.exit(code)
