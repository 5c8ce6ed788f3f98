"""tinycloud destroy."""

from __future__ import annotations

import sys
from typing import Any

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import PARALLEL, SELECTOR, TARGET, YES, consents, manifests


@click.command()
@manifests
@consents
@TARGET
@SELECTOR
@YES
@PARALLEL
def destroy(
    paths: tuple[str, ...], connect: str, storage: str, yes: bool, parallel: int, **wish: Any
) -> None:
    """Remove definitions; data only by its reclaim policy or --delete-data."""
    planned = terminal.planned(paths, connect, storage, destroy=True, **wish)
    sys.exit(terminal.carry_out(planned, yes=yes, parallel=parallel))
