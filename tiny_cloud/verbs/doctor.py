"""tinycloud doctor."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import manifests


@click.command()
@manifests
@click.option("-o", "--output", type=click.Choice(["json"]), help="For a program.")
@click.option("--appliance", is_flag=True, help="Also start libguestfs's appliance, to be sure.")
def doctor(
    paths: tuple[str, ...], connect: str, storage: str, output: str | None, appliance: bool
) -> None:
    """Say what this host can do, and how to get what is missing; changes nothing.

    Exits with 0 if all that is declared can be done here, 1 if something for it is missing. What
    no manifest needs is a hint. Without manifests all of it is."""
    from tiny_cloud.host import doctor as host
    from tiny_cloud.host.here import CACHE
    from tiny_cloud.render import doctor as screen

    # It is asked before there is any manifest, too.
    none = not paths and not Path("manifests").is_dir()
    workspace = terminal.load((os.devnull,) if none else paths, connect, storage)
    found = list(host.examine(host.Host(workspace.cloud, CACHE, appliance), workspace.resources))
    if output == "json":
        click.echo(screen.dumps(found))
    else:
        screen.show(terminal.out(), found)
    sys.exit(1 if any(one.fails for one in found) else 0)
