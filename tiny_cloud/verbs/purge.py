"""tinycloud purge."""

from __future__ import annotations

import sys

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import YES, manifests


@click.command()
@manifests
@YES
def purge(paths: tuple[str, ...], connect: str, storage: str, yes: bool) -> None:
    """Empty the trash: what is in it is gone for good."""
    from tiny_cloud.render.text import one_line
    from tiny_cloud.sizes import about

    trash, out = terminal.load(paths, connect, storage).trash(), terminal.out()
    found = list(trash)
    for name, size in found:
        out.print(f"  - {one_line(name)}  {about(size)}")
    for why in trash.silent:
        terminal.err().print(f"  ? {one_line(why)}")
    if not found:
        out.print("The trash is empty.")
    elif not terminal.agreed(yes, f"Delete {len(found)} items for good?"):
        sys.exit(1)
    trash.purge(" ".join(["tinycloud", *sys.argv[1:]]), terminal.patience())
