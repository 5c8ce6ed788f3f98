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
@click.option("--cloud-yaml", "original", default="", metavar="FILE",
              help="The cloud.yaml of the tiny_cloud of 2012, instead of what the host has.")
@place
def import_(
    names: tuple[str, ...], everything: bool, folder: str, original: str, paths: tuple[str, ...],
    connect: str, storage: str,
) -> None:
    """Write manifests of what exists: vm/NAME, network/NAME, lv/GROUP/NAME, image/PATH, disk/PATH.

    NAME is the host's own. Nothing on the host is changed. What is written keeps everything as it
    is: a plan of it, once adopted, is empty. What no field can say is said in a comment."""
    if original:
        if names or everything:
            raise click.UsageError("--cloud-yaml takes neither names nor --all")
        _original(original, folder)
        return
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


def _original(file: str, folder: str) -> None:
    """Passwords go into files of their own, or nowhere: they are no part of what is printed."""
    from tiny_cloud import original_files

    found = original_files.translated(file)
    if folder:
        for path in original_files.write(found, folder):
            click.echo(path)
    else:
        click.echo(original_files.shown(found.documents), nl=False)
        for path in found.secrets:
            _say(f"The password for {path} is yours to write; with -o it is done.")
    for line in found.left:
        _say(f"Left out: {line}.")


def _say(line: str) -> None:
    from tiny_cloud.render.text import one_line

    terminal.err().print(one_line(line))
