"""tinycloud ssh."""

from __future__ import annotations

import os
import sys

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place


@click.command()
@click.argument("name", metavar="MACHINE")
@click.argument("command", nargs=-1, metavar="[-- CMD...]", type=click.UNPROCESSED)
@click.option("-u", "--user", default="", metavar="USER",
              help="Log in as this one; without it as whom the manifest gives a key or password.")
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="For ssh, as its own -o.")
@place
def ssh(
    name: str, command: tuple[str, ...], user: str, options: tuple[str, ...],
    paths: tuple[str, ...], connect: str, storage: str,
) -> None:
    """Log in to a machine by ssh, or run CMD in it; the exit code is ssh's.

    It is reached by a port that is forwarded to its port 22, or else by an address (see tinycloud
    ip). Its host key is kept in your known_hosts under the machine's name: the first one is taken,
    another one refused, and a disk that is made anew is a new acquaintance."""
    from tiny_cloud.errors import Failure
    from tiny_cloud.host import command as tools
    from tiny_cloud.options import addresses
    from tiny_cloud.reach import login
    from tiny_cloud.reach.machines import machine

    workspace = terminal.load(paths, connect, storage)
    found = machine(workspace, addresses(name, "virtualmachine")[0])
    if not found.live_xml():
        raise Failure(f"{found.address} is off", f"tinycloud start {found.address.name}")
    ways = found.ways()
    if not ways:
        raise Failure(f"no way into {found.address} is known", found.silence())
    tools.require("ssh")
    argv = login.argv(ways[0], user=user or found.user, alias=found.host_key_alias,
                      options=options, command=command)
    # Nothing of ours that is buffered may come after what ssh says.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvp(argv[0], argv)
