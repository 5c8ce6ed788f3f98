"""tinycloud gc."""

from __future__ import annotations

import sys

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, YES, manifests


@click.command()
@manifests
@COMMANDS
@YES
def gc(paths: tuple[str, ...], connect: str, storage: str, commands: bool, yes: bool) -> None:
    """Move images to the trash that nothing stands on and no manifest declares."""
    from tiny_cloud.errands.gc import collect

    planned = terminal.load(paths, connect, storage).errand(collect)
    sys.exit(terminal.carry_out(planned, yes=yes, commands=commands))
