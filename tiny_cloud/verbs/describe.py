"""tinycloud describe."""

from __future__ import annotations

from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place

RUNS = 5
"""The last so many are told."""


@click.command()
@click.argument("name", metavar="KIND/NAME")
@place
def describe(name: str, paths: tuple[str, ...], connect: str, storage: str) -> None:
    """Show one thing: declared, actual, and what was done to it."""
    from tiny_cloud import history, options
    from tiny_cloud.errands import one
    from tiny_cloud.render import description

    address = options.one_address(name)
    workspace = terminal.load(paths, connect, storage)
    things = {thing.resource.address: thing for thing in workspace.things()}
    found = one.named([thing.resource for thing in things.values()], address)
    runs = history.runs(Path(workspace.cloud.storage), str(address))[-RUNS:]
    description.show(terminal.out(), things[found.address], things, runs)
