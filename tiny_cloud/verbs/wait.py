"""tinycloud wait."""

from __future__ import annotations

import sys

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place, seconds

GOALS = ("running", "ip", "ssh", "agent")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="MACHINE...")
@click.option("--for", "goal", required=True, type=click.Choice(GOALS),
              help="It runs; somebody has seen an address of it; a server of ssh greets; its guest "
                   "agent answers.")
@click.option("--timeout", default="300", show_default=True, metavar="DURATION", callback=seconds,
              help="What each machine gets, all at the same time.")
@place
def wait(
    names: tuple[str, ...], goal: str, timeout: float, paths: tuple[str, ...], connect: str,
    storage: str,
) -> None:
    """Wait until machines have come so far; exit 1 if one has not, saying which and why.

    MACHINE is web, vm/web, or a pattern in quotes: 'web-*'. The wait_ip and wait_ssh of the first
    tiny_cloud."""
    from tiny_cloud import options
    from tiny_cloud.reach import waiting
    from tiny_cloud.reach.machines import machines
    from tiny_cloud.render.text import one_line

    meant = [address for name in names for address in options.addresses(name, "virtualmachine")]
    found = machines(terminal.load(paths, connect, storage), meant)
    late = False
    for one in waiting.wait(found, waiting.Goal(goal), timeout):
        late = late or not one.last.is_ready
        mark = "✓" if one.last.is_ready else "✘"
        when = f"after {one.seconds:.0f} s" if one.last.is_ready else f"not in {timeout:g} s"
        text = one_line(f"{mark} {one.machine.address}  {goal}  {when}: {one.last.text}")
        click.echo(text, err=not one.last.is_ready)
    sys.exit(1 if late else 0)
