"""tinycloud plan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import COMMANDS, DEEP, PRUNE, SELECTOR, TARGET, consents, manifests

CHANGES = 2
"""The exit code that says there are some, as terraform has it."""


@click.command()
@manifests
@consents
@TARGET
@SELECTOR
@PRUNE
@DEEP
@click.option("--out", metavar="FILE", help="Also save the plan, for apply --plan.")
@COMMANDS
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
@click.option("--run-commands", is_flag=True, help="Run commands that secrets come from.")
def plan(
    paths: tuple[str, ...],
    connect: str,
    storage: str,
    out: str | None,
    commands: bool,
    as_json: bool,
    detailed_exitcode: bool,
    **wish: Any,
) -> None:
    """Say what would change; changes nothing."""
    planned = terminal.planned(paths, connect, storage, **wish)
    if out is not None:
        from tiny_cloud import saved

        saved.save(planned, Path(out))
    terminal.show(planned, commands=commands, as_json=as_json)
    if planned.plan.changes:
        _say_what_apply_lacks(Path(planned.plan.cloud.storage))
    sys.exit(CHANGES if detailed_exitcode and planned.plan.changes else 0)


def _say_what_apply_lacks(storage: Path) -> None:
    """A plan needs no right to write, so it is no error that there is none."""
    from tiny_cloud import journal

    if not journal.is_writable(storage):
        terminal.err().print(f"To apply this takes root, or another --storage: {storage} is not "
                             "yours to write")
