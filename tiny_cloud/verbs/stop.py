"""tinycloud stop."""

from __future__ import annotations

import sys
from typing import Any

import click

from tiny_cloud.verbs import power


@click.command()
@power.FORCE_OFF
@power.machines
def stop(names: tuple[str, ...], **where: Any) -> None:
    """Ask machines to power off, all of them at once, and wait until they have.

    MACHINE is web, vm/web, or a pattern in quotes: 'web-*'. Each has the time that its manifest
    gives it (stopTimeout); one that has not powered off by then stays on, and the exit code is 1.
    """
    from tiny_cloud.errands.power import Power

    sys.exit(power.carry_out(Power.STOP, names, **where))
