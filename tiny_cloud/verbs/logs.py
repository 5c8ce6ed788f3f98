"""tinycloud logs."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place


def _count(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """None: all."""
    if value != "all" and not value.isdecimal():
        raise click.BadParameter(f"{value!r} is neither a number of lines nor all", ctx, param)
    return None if value == "all" else int(value)


@click.command()
@click.argument("name", metavar="MACHINE")
@click.option("-f", "--follow", is_flag=True, help="Go on as they grow, until Ctrl-C.")
@click.option("--tail", default="100", show_default=True, callback=_count, metavar="LINES|all",
              help="How much of the end of each.")
@click.option("--console", "which", flag_value="console", help="What its console said, alone.")
@click.option("--qemu", "which", flag_value="qemu", help="What its qemu said, alone.")
@partial(place, names=("--file",))
def logs(
    name: str, follow: bool, tail: int | None, which: str | None, paths: tuple[str, ...],
    connect: str, storage: str,
) -> None:
    """Show what a machine has left in log files: its serial console's, and libvirt's of its qemu.

    Lines come without colours and other sequences for terminals."""
    from tiny_cloud import options
    from tiny_cloud.errors import Failure
    from tiny_cloud.host import logs as files
    from tiny_cloud.reach.machines import machine
    from tiny_cloud.render.transcript import Reel

    workspace = terminal.load(paths, connect, storage)
    found = machine(workspace, options.addresses(name, "virtualmachine")[0])
    places = {"console": found.console_log,
              "qemu": files.of_qemu(workspace.cloud.connect, found.domain)}
    if which == "console" and not places["console"]:
        raise Failure(f"{found.address} keeps no log of its console",
                      "consoleLog: true in its manifest")
    wanted = [path for key, path in places.items() if path and which in (None, key)]
    with files.opened(wanted) as (streams, faults), suppress(KeyboardInterrupt):
        if not streams:
            raise faults[0]
        reel = Reel(headed=len(wanted) > 1)
        for stream in streams:
            click.echo(reel.add(str(stream.name), files.last_lines(stream, tail)), nl=False)
            click.echo(reel.rest(), nl=False)
        for fault in faults:
            click.echo(f"{fault.summary} ({fault.hint})", err=True)
        for path, added in files.followed(streams) if follow else ():
            click.echo(reel.add(path, added) if added else reel.rest(), nl=False)
    sys.exit(1 if faults else 0)
