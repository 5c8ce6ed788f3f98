"""tinycloud apply."""

from __future__ import annotations

import sys
from typing import Any

import click

import tiny_cloud
from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import (
    DEEP,
    PARALLEL,
    PRUNE,
    SELECTOR,
    TARGET,
    YES,
    consents,
    manifests,
)


@click.command()
@manifests
@consents
@TARGET
@SELECTOR
@PRUNE
@DEEP
@click.option("--plan", "file", metavar="FILE", help="Carry out this saved plan, if it still fits.")
@YES
@PARALLEL
@click.option("--json", "as_json", is_flag=True, help="Print events as lines of JSON.")
def apply(
    paths: tuple[str, ...],
    connect: str,
    storage: str,
    file: str | None,
    yes: bool,
    parallel: int,
    as_json: bool,
    **wish: Any,
) -> None:
    """Plan, ask, and do it.

    Ctrl-C stops when what is under way has ended; pressed again it cuts that off. Either way the
    next apply does the rest.
    """
    if file is None:
        planned = terminal.planned(paths, connect, storage, run_commands=True, **wish)
    elif any((paths, connect, storage, *wish.values())):
        raise click.UsageError("--plan FILE has manifests and options in it: give no others")
    else:
        planned = tiny_cloud.load_plan(file)
    sys.exit(terminal.carry_out(planned, yes=yes, parallel=parallel, as_json=as_json))
