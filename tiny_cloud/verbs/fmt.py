"""tinycloud fmt."""

from __future__ import annotations

import sys

import click

from tiny_cloud.verbs import terminal


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is in another form.")
def fmt(paths: tuple[str, ...], check: bool) -> None:
    """Bring manifests into the usual form: order of fields, indentation; comments stay.

    Prints the name of each file that it writes. What comes on stdin (PATH is -) goes to stdout.
    """
    from tiny_cloud import editing
    from tiny_cloud.render.text import one_line

    formed = [(text, editing.neat(text)) for text in editing.readable(paths)]
    changed = [(text, neat) for text, neat in formed if neat != text.content]
    for text, neat in [] if check else formed:
        if text.path is None:
            click.echo(neat, nl=False)
        elif neat != text.content:
            editing.write(text, neat)
    for text, _ in changed:
        if text.path is not None or check:
            terminal.out().print(one_line(text.name))
    sys.exit(1 if check and changed else 0)
