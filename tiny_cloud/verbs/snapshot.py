"""tinycloud snapshot create, list, revert and delete."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING, Any

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, YES, place

if TYPE_CHECKING:
    from tiny_cloud.api import Planned
    from tiny_cloud.errands.one import Prepare
    from tiny_cloud.model import Address, FieldDiff

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
@COMMANDS
@YES
@place
def create(
    machine: str, name: str | None, external: bool, no_freeze: bool, commands: bool, yes: bool,
    **where: Any,
) -> None:
    """Take one; without NAME it is called by the time."""
    from tiny_cloud.model import FieldDiff
    from tiny_cloud.snapshots import taking

    called = name or datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    planned = _planned(machine, FieldDiff("snapshot", None, called), lambda resource, seen, _:
                       taking.take(resource, seen, called, external=external,
                                   freeze=not no_freeze), **where)
    if any(taking.is_unfrozen(step) for change in planned.plan.changes for step in change.up):
        click.echo(NOT_FROZEN, err=True)
    sys.exit(terminal.carry_out(planned, yes=yes, commands=commands))


@snapshot.command(name="list")
@MACHINE
@place
def list_(machine: str, paths: tuple[str, ...], connect: str, storage: str) -> None:
    """Show those of a machine, the oldest first."""
    from tiny_cloud.errands import one
    from tiny_cloud.render import tables
    from tiny_cloud.snapshots import standing

    seen = terminal.load(paths, connect, storage).look()
    address = _address(machine)
    found = standing.snapshots(one.require(address, seen.actual.get(address)))
    rows = [(item.name, _time(item.created), "external" if item.overlays else "internal",
             item.state) for item in found]
    tables.show(terminal.out(), ("NAME", "CREATED", "KIND", "STATE"), rows)


@snapshot.command()
@MACHINE
@NAME
@click.option("--restart", is_flag=True, help="Switch a running machine off, and on again.")
@COMMANDS
@YES
@place
def revert(
    machine: str, name: str, restart: bool, commands: bool, yes: bool, **where: Any
) -> None:
    """Go back to one; what came since is given up."""
    from tiny_cloud.model import FieldDiff, Impact
    from tiny_cloud.snapshots import ending

    diff = FieldDiff("contents", "of now", f"of the snapshot {name}", Impact.DESTROYS)
    planned = _planned(machine, diff, lambda resource, seen, host: ending.revert(
        resource, seen, host, name, restart=restart), **where)
    sys.exit(terminal.carry_out(planned, yes=yes, commands=commands))


@snapshot.command()
@MACHINE
@NAME
@COMMANDS
@YES
@place
def delete(machine: str, name: str, commands: bool, yes: bool, **where: Any) -> None:
    """Give one up; the disks stay as they are now."""
    from tiny_cloud.model import FieldDiff
    from tiny_cloud.snapshots import ending

    planned = _planned(machine, FieldDiff("snapshot", name, None), lambda resource, seen, host:
                       ending.delete(resource, seen, host, name), **where)
    sys.exit(terminal.carry_out(planned, yes=yes, commands=commands))


def _planned(
    machine: str, diff: FieldDiff, prepare: Prepare, *, paths: tuple[str, ...], connect: str,
    storage: str,
) -> Planned:
    from tiny_cloud.errands.one import errand

    return terminal.load(paths, connect, storage).errand(errand(_address(machine), diff, prepare))


def _address(machine: str) -> Address:
    from tiny_cloud import options

    return options.addresses(machine, "virtualmachine")[0]


def _time(created: int) -> str:
    """Seconds since the epoch, as people read them here."""
    return datetime.datetime.fromtimestamp(created).astimezone().isoformat(" ", "seconds")
