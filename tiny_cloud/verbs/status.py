"""tinycloud status."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import manifests

LEFT = 2
"""The exit code that says there is something, as plan's with --detailed-exitcode and verify's."""
WELL = "All is well: nothing is left of runs that were cut off."


@click.command()
@manifests
def status(paths: tuple[str, ...], connect: str, storage: str) -> None:
    """Say who is at work, and what was left by runs that were cut off; exit 2 if something was."""
    from tiny_cloud import journal
    from tiny_cloud.host import trash
    from tiny_cloud.render import tables
    from tiny_cloud.render.text import one_line
    from tiny_cloud.sizes import about

    workspace, out = terminal.load(paths, connect, storage), terminal.out()
    place = Path(workspace.cloud.storage)
    holder, last = journal.holder(place), journal.last_run(place)
    if holder:
        out.print(one_line(f"At work: {holder}. What is left is seen when that has ended."))
    elif last is not None and not last.ended:
        out.print(one_line(f"Cut off: {last}."))
    left = [] if holder else workspace.leftovers()
    if left:
        rows = [(str(one.address), one.text, one.remedy or "tinycloud repair removes it")
                for one in left]
        tables.show(out, ("NAME", "WHAT", "REMEDY"), rows)
    elif not holder:
        out.print(WELL)
    if waiting := trash.listing(workspace.cloud):
        size = about(sum(size for _, size in waiting))
        out.print(f"In the trash: {size}, until tinycloud purge.")
    sys.exit(LEFT if left else 0)
