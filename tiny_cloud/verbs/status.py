"""tinycloud status."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import manifests

LEFT = 2
"""The exit code that says there is something, as plan's with --detailed-exitcode and verify's."""


@click.command()
@manifests
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(paths: tuple[str, ...], connect: str, storage: str, as_json: bool) -> None:
    """Say who is at work, and what was left by runs that were cut off; exit 2 if something was."""
    from tiny_cloud import journal
    from tiny_cloud.host import trash
    from tiny_cloud.render import standing

    workspace = terminal.load(paths, connect, storage)
    place = Path(workspace.cloud.storage)
    waiting = trash.listing(workspace.cloud)
    holder, last = journal.holder(place), journal.last_run(place)
    found = standing.Standing(
        holder=holder,
        cut_off=str(last) if last is not None and not last.ended and not holder else "",
        left=[] if holder else workspace.leftovers(),
        trash=sum(size for _, size in waiting) if waiting else None)
    if as_json:
        click.echo(standing.dumps(found))
    else:
        standing.show(terminal.out(), found)
    sys.exit(LEFT if found.left else 0)
