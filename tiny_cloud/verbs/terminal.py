"""Between a verb and the person at the terminal: load, show, ask, follow.

What costs a start time is imported where it is needed: --help asks every verb for its words.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

import tiny_cloud
from tiny_cloud.verbs.arguments import LOCK_TIMEOUT
from tiny_cloud.verbs.interrupts import minded, write

if TYPE_CHECKING:
    from rich.console import Console

    from tiny_cloud.api import Planned, Wish, Workspace
    from tiny_cloud.render.tally import Tally


DONE_MEANWHILE = "Nothing was left to do: another run has done it meanwhile."


def load(paths: tuple[str, ...], connect: str, storage: str) -> Workspace:
    return tiny_cloud.load(*paths, connect=connect, storage=storage)


def planned(paths: tuple[str, ...], connect: str, storage: str, **wish: Any) -> Planned:
    """``wish``: options as click gives them."""
    from tiny_cloud import options

    meant = options.wish(**wish)
    return planned_of(load(paths, connect, storage), meant)


def planned_of(workspace: Workspace, meant: Wish) -> Planned:
    from tiny_cloud import options

    found = workspace.plan(meant)
    options.require_known(meant, found)
    return found


def show(
    planned: Planned, *, commands: bool = False, as_json: bool = False, aside: bool = False
) -> None:
    """``aside``: not on stdout, which is for what comes of it."""
    from tiny_cloud.render import json, text

    if as_json:
        click.echo(json.dumps(planned.plan))
    else:
        text.show_plan(err() if aside else out(), planned.plan, commands=commands)


def carry_out(
    planned: Planned, *, yes: bool, parallel: int = 4, as_json: bool = False,
    commands: bool = False, aside: bool = False,
) -> int:
    """The exit code: 1 if something failed, is blocked, or was not agreed to."""
    plan = planned.plan
    if not as_json:
        show(planned, commands=commands, aside=aside)
    blocked = len(plan.blocked)
    if len(plan.changes) == blocked:
        return 1 if blocked else 0
    if not agreed(yes, "Do this?"):
        return 1
    tally, stopped = _follow(planned, parallel, as_json=as_json)
    if not as_json:
        from tiny_cloud.render import events

        text = events.outcome(tally, stopped=stopped) if tally else DONE_MEANWHILE
        (err() if aside else out()).print(text)
    return 1 if blocked or (tally and (tally.failed or tally.skipped)) else 0


def patience() -> float:
    """Seconds to wait for the lock, as the command line says."""
    return float(click.get_current_context().meta[LOCK_TIMEOUT])


def _follow(planned: Planned, parallel: int, *, as_json: bool) -> tuple[Tally | None, bool]:
    """Do it and show what happens: what came of it (None: nothing happened), and whether somebody
    has stopped it."""
    from tiny_cloud.render import json
    from tiny_cloud.render.live import Live

    tally = None
    live = Live(err(quiet=as_json), planned.plan)
    with minded(live.warn if live.moves else write) as stopping, live:
        for event in planned.applying(parallel=parallel, stopping=stopping, patience=patience()):
            tally = live.tally
            live.show(event)
            if as_json:
                click.echo(json.event_line(event))
        return tally, tally is not None and stopping()


def agreed(yes: bool, question: str) -> bool:
    """Nothing is guessed where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        click.echo("There is no terminal to ask at: --yes says that it shall be done.", err=True)
        return False
    if click.confirm(question, err=True):
        return True
    click.echo("Nothing was done.", err=True)
    return False


def out() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def err(*, quiet: bool = False) -> Console:
    from rich.console import Console

    return Console(
        stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True, quiet=quiet
    )
