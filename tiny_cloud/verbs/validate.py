"""tinycloud validate."""

import click

from tiny_cloud.verbs.arguments import manifests


@click.command()
@manifests
def validate(paths: tuple[str, ...], connect: str, storage: str) -> None:
    """Check manifests; every problem of every file at once."""
    # Neither what asks a host nor what draws is needed for that, and both take a while to import.
    from tiny_cloud.reading import read

    found = read(paths, connect=connect, storage=storage)
    count, cloud = len(found.resources), found.cloud.name
    click.echo(f"{count} resource{'' if count == 1 else 's'} in cloud {cloud}: valid.")
