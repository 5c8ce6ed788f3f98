"""What tinycloud start, stop and restart have in common: several machines, all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, YES, place

if TYPE_CHECKING:
    from tiny_cloud.errands.power import Power

Command = TypeVar("Command", bound=Callable[..., Any])

AT_ONCE = 64
"""Machines under way at the same time; they wait for their guests, and hardly work."""


def machines(command: Command) -> Command:
    """MACHINE…, and what every verb takes that changes something."""
    names = click.argument("names", nargs=-1, required=True, metavar="MACHINE...")
    for decorate in (names, COMMANDS, YES, place):
        command = decorate(command)
    return command


FORCE_OFF = click.option(
    "--force-off", is_flag=True,
    help="Pull the plug of whoever has not powered off within its stopTimeout.")


def carry_out(
    power: Power, names: tuple[str, ...], paths: tuple[str, ...], connect: str, storage: str, *,
    commands: bool, yes: bool, force_off: bool = False,
) -> int:
    """The exit code."""
    from tiny_cloud import options
    from tiny_cloud.errands.power import errand
    from tiny_cloud.render.text import one_line

    meant = [address for name in names for address in options.addresses(name, "virtualmachine")]
    workspace = terminal.load(paths, connect, storage)
    planned = workspace.errand(errand(meant, power, force=force_off))
    if not planned.plan.changes:
        for note in planned.plan.notes:
            click.echo(one_line(f"{note.address}: {note.text}"))
        return 0
    return terminal.carry_out(planned, yes=yes, commands=commands, parallel=AT_ONCE)
