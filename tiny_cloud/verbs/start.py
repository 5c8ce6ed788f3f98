"""tinycloud start."""

from __future__ import annotations

import sys
from typing import Any

import click

from tiny_cloud.verbs import power


@click.command()
@power.machines
def start(names: tuple[str, ...], **where: Any) -> None:
    """Switch machines on, all of them at once.

    MACHINE is web, vm/web, or a pattern in quotes: 'web-*'. What a manifest says of running is what
    the next apply goes back to."""
    from tiny_cloud.errands.power import Power

    sys.exit(power.carry_out(Power.START, names, **where))
