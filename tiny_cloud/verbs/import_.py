"""tinycloud import."""

from __future__ import annotations

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place


@click.command("import")
@click.argument("names", nargs=-1, metavar="[KIND/]NAME...")
@click.option("--all", "everything", is_flag=True,
              help="All domains and networks that no manifest declares and no tinycloud made.")
@click.option("-o", "--output", "folder", default="", metavar="DIR",
              help="Write a file for each thing, never over one that is there.")
@place
def import_(
    names: tuple[str, ...], everything: bool, folder: str, paths: tuple[str, ...], connect: str,
    storage: str,
) -> None:
    """Write manifests of what exists: vm/NAME, network/NAME, lv/GROUP/NAME, image/PATH, disk/PATH.

    NAME is the host's own. Nothing on the host is changed. What is written keeps everything as it
    is: a plan of it, once adopted, is empty. What no field can say is said in a comment."""
    if bool(names) == everything:
        raise click.UsageError("name what is to be imported, or write --all; not both")
    from tiny_cloud import importing

    found, left = importing.imported(names, importing.workspace(paths, connect, storage))
    for line in left:
        _say(f"Left out: {line}.")
    if not folder:
        click.echo(importing.as_text(found), nl=False)
    else:
        for path in importing.write(found, folder):
            click.echo(path)
    if adopted := importing.to_adopt(found):
        _say("Take over: tinycloud apply " + " ".join(f"--adopt {one}" for one in adopted))
    elif not found:
        _say("There is nothing to import.")


def _say(line: str) -> None:
    from tiny_cloud.render.text import one_line

    terminal.err().print(one_line(line))
