"""tinycloud diff."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import DEEP, PRUNE, SELECTOR, TARGET, manifests

if TYPE_CHECKING:
    from tiny_cloud.model import Plan

DIFFERENCES = 2
"""What plan --detailed-exitcode exits with if there are changes."""


@click.command()
@manifests
@TARGET
@SELECTOR
@PRUNE
@DEEP
@click.option("--run-commands", is_flag=True, help="Run commands that secrets come from.")
def diff(paths: tuple[str, ...], connect: str, storage: str, **wish: Any) -> None:
    """Show what differs between host and manifests as a unified diff.

    Only declared fields are compared. Exits with 0 if nothing differs, 2 if something does, 1 if it
    could not be found out: as plan --detailed-exitcode, and not as diff(1) and kubectl diff, which
    exit with 1 for differences.
    """
    from tiny_cloud.render import unified

    planned = terminal.planned(paths, connect, storage, **wish)
    declared = {item.address: item for item in planned.workspace.resources}
    unified.show(terminal.out(), planned.plan, declared)
    _remark(planned.plan)
    sys.exit(DIFFERENCES if planned.plan.changes else 0)


def _remark(plan: Plan) -> None:
    """What a diff has no place for."""
    from tiny_cloud.render.text import one_line

    err = terminal.err()
    for change in plan.changes:
        if change.blocked:
            allow = f"; to allow it: {change.allow}" if change.allow else ""
            err.print(one_line(f"{change.address} is blocked: {change.blocked}{allow}"))
        elif not change.diffs:
            why = f", because {'; '.join(change.because)}" if change.because else ""
            err.print(one_line(f"{change.address}: {change.action.name.lower()}{why}"))
    for note in plan.notes:
        err.print(one_line(f"{note.address}: {note.text}"))
