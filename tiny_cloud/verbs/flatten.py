"""tinycloud flatten."""

from __future__ import annotations

import sys
from typing import Any

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, YES, consents, place


@click.command()
@click.argument("disk")
@place
@consents
@COMMANDS
@YES
def flatten(
    disk: str, paths: tuple[str, ...], connect: str, storage: str, commands: bool, yes: bool,
    **wish: Any,
) -> None:
    """Let DISK stand alone; what its guest sees stays the same.

    It is an apply --target of the disk and of all that uses it."""
    from tiny_cloud import options
    from tiny_cloud.linking import above

    name = str(options.addresses(disk, "disk")[0])
    workspace = terminal.load(paths, connect, storage)
    users = [str(item.address) for item in above(workspace.resources, name)]
    meant = options.wish(target=(name, *users), flatten=(name,), run_commands=True, **wish)
    planned = terminal.planned_of(workspace, meant)
    code = terminal.carry_out(planned, yes=yes, commands=commands)
    if code == 0:
        click.echo(f"{name} stands alone. Take image and base out of its manifest, and write its "
                   "size there.", err=True)
    sys.exit(code)
