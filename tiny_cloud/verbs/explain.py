"""tinycloud explain."""

from __future__ import annotations

import click

from tiny_cloud.verbs import terminal


@click.command()
@click.argument("field", metavar="[KIND[.FIELD...]]", required=False)
@click.option("--recursive", is_flag=True, help="All fields below it, with their types.")
def explain(field: str | None, recursive: bool) -> None:
    """Say what a field is, what it costs to change, and what is below it.

    Without one it lists the kinds there are."""
    from tiny_cloud.render import topic as screen
    from tiny_cloud.schema.topics import kind_meant, topic

    if field is None:
        screen.kinds(terminal.out())
        return
    kind, _, below = field.partition(".")
    found = topic(kind_meant(kind), below)
    if recursive:
        screen.tree(terminal.out(), found)
    else:
        screen.show(terminal.out(), found)
