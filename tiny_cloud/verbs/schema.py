"""tinycloud schema."""

from __future__ import annotations

import click


@click.command()
@click.argument("kind", required=False)
@click.option("--all", "every", is_flag=True, help="One schema for documents of any kind.")
def schema(kind: str | None, every: bool) -> None:
    """Print the JSON schema of a kind's documents, whole, for editors and other tools."""
    import json

    from tiny_cloud.schema import editors, files
    from tiny_cloud.schema.topics import kind_meant

    if every == bool(kind):
        raise click.UsageError("name one KIND, or write --all")
    found = editors.any_kind() if kind is None else files.schema_of(kind_meant(kind))
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
