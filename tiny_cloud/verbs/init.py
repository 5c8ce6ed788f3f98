"""tinycloud init."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from tiny_cloud.verbs import terminal


@click.command()
@click.argument("folder", default=".", metavar="[DIR]")
def init(folder: str) -> None:
    """Begin a repository: manifests, editor settings, CI. Files that are there stay as they are."""
    from tiny_cloud import starter
    from tiny_cloud.render.text import one_line

    place = Path(folder)
    written = list(starter.begin(place))
    made = {one_line(place / one.path): one.text for one in written if one.made}
    kept = [one_line(place / one.path) for one in written if not one.made]
    out = terminal.out()
    if made:
        out.print(f"A repository for the cloud {starter.cloud_name(place)}:")
        width = max(map(len, made))
        for path, text in made.items():
            out.print(f"  {path.ljust(width)}  {text}")
    if kept:
        out.print("There already, and left as it was:")
        for path in kept:
            out.print(f"  {path}")
    out.print("Next:" if made else "Nothing was missing. Next:")
    for step in _next(place):
        out.print(f"  {one_line(step)}")


def _next(place: Path) -> Iterator[str]:
    """What a person would type now."""
    here = place.resolve()
    if here != Path.cwd():
        yield f"cd {shlex.quote(str(place))}"
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        yield "git init"
    yield "tinycloud validate"
    yield "tinycloud plan      # changes nothing"
    yield "tinycloud apply     # asks first"
