"""tinycloud ip."""

from __future__ import annotations

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place

SOURCES = ("all", "agent", "lease", "arp", "declared")
FORMATS = ("table", "json")


@click.command()
@click.argument("name", metavar="MACHINE")
@click.option("--source", default="all", show_default=True, type=click.Choice(SOURCES),
              help="Whom to ask: the guest agent, the leases of libvirt's networks, this host's "
                   "neighbours, the manifest.")
@click.option("-o", "--output", default="table", show_default=True, type=click.Choice(FORMATS),
              help="For people, or for a program.")
@place
def ip(
    name: str, source: str, output: str, paths: tuple[str, ...], connect: str, storage: str
) -> None:
    """Show a machine's addresses and who says so, what is surest first.

    An address that is declared alone nobody has seen. Forwarded ports of this host are shown with
    the guest's port that they lead to."""
    from tiny_cloud import options
    from tiny_cloud.errors import Failure
    from tiny_cloud.reach.addresses import Source
    from tiny_cloud.reach.machines import in_a_line, machine
    from tiny_cloud.render import reached
    from tiny_cloud.render.text import one_line

    workspace = terminal.load(paths, connect, storage)
    found = machine(workspace, options.addresses(name, "virtualmachine")[0])
    sources = tuple(Source) if source == "all" else (Source(source),)
    answers = found.ask(sources)
    cards = [card for card in found.cards if card.forwards and source == "all"]
    for fault in answers.faults:
        click.echo(one_line(in_a_line(fault)), err=True)
    if output == "json":
        click.echo(reached.dumps(found.address, answers.found, cards))
    elif answers.found or cards:
        reached.show(terminal.out(), answers.found, cards)
    if not (answers.found or cards):
        raise Failure(f"no address of {found.address} is known", found.silence(sources))
