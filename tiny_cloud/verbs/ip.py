"""tinycloud ip."""

from __future__ import annotations

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place

SOURCES = ("all", "agent", "lease", "arp", "declared")
FORMATS = ("table", "json")


@click.command()
@click.argument("name")
@click.option("--source", default="all", show_default=True, type=click.Choice(SOURCES),
              help="Whom to ask: the guest agent, the leases of libvirt's networks, this host's "
                   "neighbours, the manifest.")
@click.option("-o", "--output", default="table", show_default=True, type=click.Choice(FORMATS))
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
    from tiny_cloud.reach.machines import machine
    from tiny_cloud.render import reached

    workspace = terminal.load(paths, connect, storage)
    found = machine(workspace, options.addresses(name, "virtualmachine")[0])
    sources = tuple(Source) if source == "all" else (Source(source),)
    addresses = found.addresses(sources)
    cards = found.cards if source == "all" else ()
    if output == "json":
        click.echo(reached.dumps(found.address, addresses, cards))
    elif addresses or any(card.forwards for card in cards):
        reached.show(terminal.out(), addresses, cards)
    if not (addresses or any(card.forwards for card in cards)):
        raise Failure(f"no address of {found.address} is known", found.silence(sources))
