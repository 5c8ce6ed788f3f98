"""tinycloud validate."""

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import manifests


@click.command()
@manifests
def validate(paths: tuple[str, ...], connect: str, storage: str) -> None:
    """Check manifests; every problem of every file at once."""
    workspace = terminal.load(paths, connect, storage)
    count, cloud = len(workspace.resources), workspace.cloud.name
    terminal.out().print(f"{count} resource{'' if count == 1 else 's'} in cloud {cloud}: valid.")
