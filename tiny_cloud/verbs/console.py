"""tinycloud console."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import place

if TYPE_CHECKING:
    from tiny_cloud.reach.machines import Machine

LEAVES = "Ctrl-] leaves it."
GONE = "Ended: the machine is off, or somebody else has taken its console."
KEYS, SCREEN = 0, 1
"""Descriptors: no stream of Python's may buffer what is typed."""


@click.command()
@click.argument("name", metavar="MACHINE")
@click.option("--force", is_flag=True, help="Take it from whoever has it open.")
@click.option("--wait", "waits", is_flag=True, help="If the machine is off, wait until it runs.")
@place
def console(
    name: str, force: bool, waits: bool, paths: tuple[str, ...], connect: str, storage: str
) -> None:
    """Log in to a machine at its serial console; Ctrl-] leaves it.

    All other keys go to the guest, Ctrl-C too. Its system has to have a login there: for Linux
    console=ttyS0 among the kernel's words. The login of the first tiny_cloud."""
    from tiny_cloud import options
    from tiny_cloud.errors import Failure
    from tiny_cloud.host.console import attach
    from tiny_cloud.reach.machines import machine

    if not (os.isatty(KEYS) and os.isatty(SCREEN)):
        raise Failure("a console takes a terminal", "tinycloud logs -f shows what it says")
    workspace = terminal.load(paths, connect, storage)
    found = machine(workspace, options.addresses(name, "virtualmachine")[0])
    if not found.has_console:
        raise Failure(f"{found.address} has no serial console",
                      "machines that are made here have one")
    _require_on(found, waits=waits)

    def say() -> None:
        click.echo(f"The console of {found.address}; {LEAVES} Enter shows whether somebody is "
                   "there.", err=True)

    ended = attach(workspace.cloud.connect, found.domain, force=force,
                   keys=KEYS, screen=SCREEN, opened=say)
    said = {None: GONE, 0: "Left."}.get(ended, "Interrupted.")
    click.echo(f"\n{said}", err=True)
    sys.exit(128 + ended if ended else 0)


def _require_on(found: Machine, *, waits: bool) -> None:
    from tiny_cloud.errors import Failure
    from tiny_cloud.reach.waiting import Goal, wait

    if found.live_xml():
        return
    if not waits:
        raise Failure(f"{found.address} is off", f"tinycloud start {found.address.name}")
    click.echo(f"{found.address} is off: waits until it runs; Ctrl-C gives up.", err=True)
    next(wait([found], Goal.RUNNING, float("inf")))
