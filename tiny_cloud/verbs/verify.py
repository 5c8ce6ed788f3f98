"""tinycloud verify."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tiny_cloud.verbs import terminal
from tiny_cloud.verbs.arguments import HOST, PARALLEL

DRIFT = 2
"""What plan --detailed-exitcode exits with if there is something to change."""


@click.command()
@click.argument("words", nargs=-1, metavar="[PATH]... [KIND/NAME]...")
@HOST[0]
@HOST[1]
@PARALLEL
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option("--run-commands", is_flag=True, help="Run commands that secrets come from.")
def verify(
    words: tuple[str, ...], connect: str, storage: str, parallel: int, as_json: bool,
    run_commands: bool,
) -> None:
    """Look inside guests for what is not as declared; changes nothing.

    Exits with 0 if all are as declared, 2 if something drifted, 1 if a guest cannot be read.
    KIND/NAME is a guest, or the machine or disk it is in; ./KIND/NAME is a path.
    """
    from tiny_cloud import options, verification
    from tiny_cloud.model import Address
    from tiny_cloud.render import inside

    named = [word for word in words if _is_name(word)]
    paths = tuple(word for word in words if word not in named)
    found = verification.examine(
        terminal.load(paths, connect, storage),
        [Address.parse(options.full_address(word)) for word in named],
        parallel=parallel, run_commands=run_commands)
    if as_json:
        click.echo(inside.dumps(found))
    else:
        inside.show(terminal.out(), found)
    verdicts = {finding.verdict for finding in found}
    if verification.Verdict.UNREADABLE in verdicts:
        sys.exit(1)
    sys.exit(DRIFT if verdicts - {verification.Verdict.AS_DECLARED} else 0)


def _is_name(word: str) -> bool:
    """A kind before the only slash, and no file of that name."""
    from tiny_cloud import options

    kind, slash, name = word.partition("/")
    known = bool(slash and name and "/" not in name) and options.kind_of(kind) is not None
    return known and not Path(word).exists()
