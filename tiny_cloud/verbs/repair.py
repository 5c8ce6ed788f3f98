"""tinycloud repair."""

from __future__ import annotations

import sys

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, YES, manifests


@click.command()
@manifests
@COMMANDS
@YES
def repair(paths: tuple[str, ...], connect: str, storage: str, commands: bool, yes: bool) -> None:
    """Remove what runs that were cut off have left; files go to the trash."""
    from tiny_cloud.errands.leftovers import repair as everything

    planned = terminal.load(paths, connect, storage).errand(everything)
    sys.exit(terminal.carry_out(planned, yes=yes, commands=commands))
