"""tinycloud get."""

from __future__ import annotations

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import EXAMPLE, place


@click.command()
@click.argument("words", nargs=-1, metavar="[KIND[/NAME]]...")
@click.option("-o", "--output", type=click.Choice(["wide", "name", "yaml", "json"]),
              help="More columns, names alone, or whole documents with spec and status.")
@click.option("-l", "--selector", multiple=True, metavar="LABELS",
              help=f"Only what has these labels: {EXAMPLE}.")
@place
def get(
    words: tuple[str, ...], output: str | None, selector: tuple[str, ...],
    paths: tuple[str, ...], connect: str, storage: str,
) -> None:
    """Show what is declared or owned, and how it is on the host.

    NAME may be a pattern: 'vm/web-*'. SIZE is what a guest sees, ON HOST what it takes there.

    \b
    STATUS is one of
      ready       as declared
      drifted     a plan would change it
      missing     not there
      foreign     something else is there under its name
      unknown     it cannot be observed
      undeclared  owned, and in no manifest
    """
    from tiny_cloud import options
    from tiny_cloud.inventory import documents

    labels, patterns = options.selection(selector), options.patterns(words)
    found = options.meant(terminal.load(paths, connect, storage).things(), patterns, labels)
    if output == "name":
        for thing in found:
            click.echo(str(thing.resource.address))
    elif output in ("yaml", "json"):
        named = len(patterns) == 1 == len(found) and not options.WILD & set(patterns[0])
        _dump(documents.document(found[0]) if named else documents.listed(found), output)
    elif found:
        from tiny_cloud.render import listing

        listing.show(terminal.out(), found, wide=output == "wide")
    else:
        terminal.err().print("Nothing is declared, and nothing owned." if not patterns
                             and not labels else "Nothing of that kind is declared or owned.")


def _dump(document: dict[str, object], output: str) -> None:
    if output == "json":
        import json

        click.echo(json.dumps(document, indent=2, ensure_ascii=True))
    else:
        from tiny_cloud.render import yaml

        click.echo(yaml.dumps(document), nl=False)
