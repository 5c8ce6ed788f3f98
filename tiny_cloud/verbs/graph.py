"""tinycloud graph."""

from __future__ import annotations

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import SELECTOR, TARGET, manifests


@click.command()
@manifests
@TARGET
@SELECTOR
@click.option("-o", "--output", type=click.Choice(["tree", "dot", "mermaid"]), default="tree",
              show_default=True, help="For people, Graphviz or Markdown.")
def graph(
    paths: tuple[str, ...], connect: str, storage: str, target: tuple[str, ...],
    selector: tuple[str, ...], output: str,
) -> None:
    """Show what stands on what; no host is asked.

    Below each thing is what it needs. Dashed lines of dot and mermaid: it is only told something.
    """
    from tiny_cloud import options, targets
    from tiny_cloud.render import graph as shapes

    meant = options.wish(target=target, selector=selector)
    declared = terminal.load(paths, connect, storage).resources
    chosen = targets.wanted(declared, meant.targets, meant.selector)
    shape = {"tree": shapes.tree, "dot": shapes.dot, "mermaid": shapes.mermaid}[output]
    for line in shape(chosen):
        click.echo(line)
