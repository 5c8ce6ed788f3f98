"""tinycloud history."""

from __future__ import annotations

from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, place


@click.command()
@click.argument("name", metavar="[KIND/NAME]", default="")
@click.option("-n", "--limit", default=10, show_default=True, type=click.IntRange(0),
              help="The last so many runs; 0: all.")
@COMMANDS
@click.option("-o", "--output", type=click.Choice(["json"]), help="As JSON.")
@place
def history(
    name: str, limit: int, commands: bool, output: str | None,
    paths: tuple[str, ...], connect: str, storage: str,
) -> None:
    """Show who did what, when, and what came of it; the newest last."""
    from tiny_cloud import history as told
    from tiny_cloud import journal, options

    address = str(options.one_address(name)) if name else ""
    place = Path(terminal.load(paths, connect, storage).cloud.storage)
    found = told.runs(place, address)
    shown = found[-limit:] if limit else found
    if output == "json":
        import json

        click.echo(json.dumps({"formatVersion": 1, "runs": told.documents(shown)}, indent=2,
                              ensure_ascii=True))
        return
    if not found:
        terminal.err().print("Nothing has been done here yet." if not address else
                             f"Nothing has been done to {address} yet.")
    if len(shown) < len(found):
        terminal.err().print(f"Not shown: {len(found) - len(shown)} earlier (--limit 0: all).")
    from tiny_cloud.render import history as pictures

    pictures.show(terminal.out(), shown, commands=commands, working=bool(journal.holder(place)))
