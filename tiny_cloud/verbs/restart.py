"""tinycloud restart."""

from __future__ import annotations

import sys
from typing import Any

import click

from tiny_cloud.verbs import power


@click.command()
@power.FORCE_OFF
@power.machines
def restart(names: tuple[str, ...], **where: Any) -> None:
    """Power machines off, gracefully, and on again: what waits for a boot takes effect.

    MACHINE is web, vm/web, or a pattern in quotes: 'web-*'. One that is off is started; one that
    does not power off within its stopTimeout stays on."""
    from tiny_cloud.errands.power import Power

    sys.exit(power.carry_out(Power.RESTART, names, **where))
