"""tinycloud check."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, YES, place

if TYPE_CHECKING:
    from tiny_cloud.api import Workspace
    from tiny_cloud.checks import Finding


@click.command()
@click.argument("disks", nargs=-1, metavar="[DISK]...")
@click.option("--repair", is_flag=True, help="Mend disks that nobody uses, as far as qemu-img can.")
@click.option("--no-copy", is_flag=True, help="Do not keep a copy in the trash before a repair.")
@COMMANDS
@YES
@place
def check(
    disks: tuple[str, ...], repair: bool, no_copy: bool, commands: bool, yes: bool,
    paths: tuple[str, ...], connect: str, storage: str,
) -> None:
    """Look whether disks and images are sound; exit 1 if one is not."""
    from tiny_cloud import checks

    workspace = terminal.load(paths, connect, storage)
    found = _shown(workspace, disks)
    broken = [finding for finding in found if finding.mendable]
    if repair and broken:
        planned = workspace.errand(checks.repair(broken, copy=not no_copy))
        terminal.carry_out(planned, yes=yes, commands=commands)
        found = _shown(workspace, disks)
    sys.exit(0 if all(finding.sound for finding in found) else 1)


def _shown(workspace: Workspace, disks: tuple[str, ...]) -> list[Finding]:
    from tiny_cloud import checks, options
    from tiny_cloud.render import tables

    wanted = [options.addresses(word, *checks.KINDS) for word in disks]
    found = list(checks.examine(workspace, wanted))
    rows = [(str(one.resource.address), one.health.verdict, one.health.path, one.health.text)
            for one in found]
    tables.show(terminal.out(), ("NAME", "HEALTH", "FILE", ""), rows)
    return found
