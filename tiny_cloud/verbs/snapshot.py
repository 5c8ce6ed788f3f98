"""tinycloud snapshot create, list, revert and delete."""

from __future__ import annotations

import datetime
import sys

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import YES, place

NOT_FROZEN = "No guest agent is asked to freeze the disks: they are kept as after a power cut."
MACHINE = click.argument("machine", metavar="MACHINE")
NAME = click.argument("name")


@click.group()
def snapshot() -> None:
    """All disks of a machine as they are now, to come back to."""


@snapshot.command()
@MACHINE
@click.argument("name", required=False)
@click.option("--external", is_flag=True, help="Overlays on the disks, of any format; no memory.")
@click.option("--no-freeze", is_flag=True, help="Do not ask the guest agent to freeze the disks.")
@click.option("--commands", is_flag=True, help="Show what a person would type.")
@YES
@place
def create(
    machine: str, name: str | None, external: bool, no_freeze: bool, commands: bool, yes: bool,
    paths: tuple[str, ...], connect: str, storage: str,
) -> None:
    """Take one; without NAME it is called by the time."""
    from tiny_cloud import errands
    from tiny_cloud.snapshots import taking

    workspace = terminal.load(paths, connect, storage)
    resource = terminal.named(workspace, machine, "virtualmachine")
    called = name or datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    errand = errands.Errand(workspace, resource, lambda seen, _: taking.take(
        resource, seen, called, external=external, freeze=not no_freeze))
    if any(map(taking.is_unfrozen, errand.steps())):
        click.echo(NOT_FROZEN, err=True)
    question = f"Take the snapshot {called} of {resource.address}?"
    sys.exit(terminal.run_errand(errand, question, yes=yes, commands=commands))


@snapshot.command(name="list")
@MACHINE
@place
def list_(machine: str, paths: tuple[str, ...], connect: str, storage: str) -> None:
    """Show those of a machine, the oldest first."""
    from tiny_cloud import errands
    from tiny_cloud.host.snapshot import Snapshot
    from tiny_cloud.render import tables
    from tiny_cloud.snapshots import standing

    workspace = terminal.load(paths, connect, storage)
    resource = terminal.named(workspace, machine, "virtualmachine")
    reader = Snapshot(workspace.cloud, errands.looking(workspace))
    found = standing.snapshots(errands.observed(reader, resource))
    rows = [(one.name, _time(one.created), "external" if one.overlays else "internal", one.state)
            for one in found]
    tables.show(terminal.out(), ("NAME", "CREATED", "KIND", "STATE"), rows)


@snapshot.command()
@MACHINE
@NAME
@click.option("--restart", is_flag=True, help="Switch a running machine off, and on again.")
@click.option("--commands", is_flag=True, help="Show what a person would type.")
@YES
@place
def revert(
    machine: str, name: str, restart: bool, commands: bool, yes: bool,
    paths: tuple[str, ...], connect: str, storage: str,
) -> None:
    """Go back to one; what came since is given up."""
    from tiny_cloud import errands
    from tiny_cloud.snapshots import ending

    workspace = terminal.load(paths, connect, storage)
    resource = terminal.named(workspace, machine, "virtualmachine")
    errand = errands.Errand(workspace, resource, lambda seen, host: ending.revert(
        resource, seen, host, name, restart=restart))
    question = f"Give up what came since the snapshot {name} of {resource.address}?"
    sys.exit(terminal.run_errand(errand, question, yes=yes, commands=commands))


@snapshot.command()
@MACHINE
@NAME
@click.option("--commands", is_flag=True, help="Show what a person would type.")
@YES
@place
def delete(
    machine: str, name: str, commands: bool, yes: bool,
    paths: tuple[str, ...], connect: str, storage: str,
) -> None:
    """Give one up; the disks stay as they are now."""
    from tiny_cloud import errands
    from tiny_cloud.snapshots import ending

    workspace = terminal.load(paths, connect, storage)
    resource = terminal.named(workspace, machine, "virtualmachine")
    errand = errands.Errand(workspace, resource, lambda seen, host: ending.delete(
        resource, seen, host, name))
    question = f"Delete the snapshot {name} of {resource.address}?"
    sys.exit(terminal.run_errand(errand, question, yes=yes, commands=commands))


def _time(created: int) -> str:
    """Seconds since the epoch, as people read them here."""
    return datetime.datetime.fromtimestamp(created).astimezone().isoformat(" ", "seconds")
