"""tinycloud completion."""

from __future__ import annotations

import click

NAME = "tinycloud"
VARIABLE = "_TINYCLOUD_COMPLETE"
"""Where click finds what a shell asks for (click, Shell Completion)."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script by which a shell completes verbs, options and names of the manifests."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "it is one of click's own"
    click.echo(kind(ctx.find_root().command, {}, NAME, VARIABLE).source(), nl=False)
