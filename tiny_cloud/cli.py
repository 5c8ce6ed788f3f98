"""The command line: arguments in, exit code out. It adds nothing to the API but words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

import tiny_cloud

if TYPE_CHECKING:
    from rich.console import Console

    from tiny_cloud.api import Planned, Workspace
    from tiny_cloud.errors import Failure
    from tiny_cloud.model import Event

USAGE = 64
"""sysexits.h EX_USAGE, so that 2 always means "there are changes"."""
CHANGES = 2

Command = TypeVar("Command", bound=Callable[..., Any])

CONSENTS = {
    "--replace": "Let this thing be made anew; the old one's data goes to the trash.",
    "--delete-data": "Let this thing's data go (to the trash).",
    "--restart": "Let this machine restart, gracefully.",
    "--force-off": "Pull this machine's plug if it does not power off when asked.",
    "--adopt": "Take over what exists under this name and was not made here.",
}


def manifests(command: Command) -> Command:
    """PATH… and the options that say which host and where."""
    for decorate in (
        click.argument("paths", nargs=-1, metavar="[PATH]..."),
        click.option("--connect", default="", metavar="URI", help="libvirt's connection URI."),
        click.option("--storage", default="", metavar="FOLDER", help="Where files live."),
    ):
        command = decorate(command)
    return command


def consents(command: Command) -> Command:
    for flag, text in CONSENTS.items():
        decorate = click.option(flag, multiple=True, metavar="KIND/NAME", help=text)
        command = decorate(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tiny_cloud.__version__, prog_name="tinycloud")
def cli() -> None:
    """Machines described in YAML: says what would change, then does exactly that."""


@cli.command()
@manifests
def validate(paths: tuple[str, ...], connect: str, storage: str) -> None:
    """Check manifests; every problem of every file at once."""
    workspace = _load(paths, connect, storage)
    _out().print(f"{len(workspace.resources)} resources in cloud {workspace.cloud.name}: valid.")


@cli.command()
@manifests
@consents
@click.option("--target", multiple=True, metavar="KIND/NAME", help="Only this and what it needs.")
@click.option("--prune", is_flag=True, help="Also remove what is owned and no longer declared.")
@click.option("--out", metavar="FILE", help="Also save the plan, for apply --plan.")
@click.option("--commands", is_flag=True, help="Show what a person would type.")
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
    planned = _plan(paths, connect, storage, **wish)
    if out is not None:
        _save(planned, out)
    _show(planned, commands=commands, as_json=as_json)
    sys.exit(CHANGES if detailed_exitcode and planned.plan.changes else 0)


@cli.command()
@manifests
@consents
@click.option("--target", multiple=True, metavar="KIND/NAME", help="Only this and what it needs.")
@click.option("--prune", is_flag=True, help="Also remove what is owned and no longer declared.")
@click.option("--plan", "file", metavar="FILE", help="Carry out this saved plan, if it still fits.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--parallel", default=4, show_default=True, type=click.IntRange(1, 64))
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
    """Plan, ask, and do it."""
    if file is None:
        planned = _plan(paths, connect, storage, run_commands=True, **wish)
    elif any((paths, connect, storage, *wish.values())):
        raise click.UsageError("--plan FILE has manifests and options in it: give no others")
    else:
        planned = tiny_cloud.load_plan(file)
    sys.exit(_carry_out(planned, yes=yes, parallel=parallel, as_json=as_json))


@cli.command()
@manifests
@consents
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--parallel", default=4, show_default=True, type=click.IntRange(1, 64))
def destroy(
    paths: tuple[str, ...], connect: str, storage: str, yes: bool, parallel: int, **wish: Any
) -> None:
    """Remove definitions; data only by its reclaim policy or --delete-data."""
    planned = _plan(paths, connect, storage, destroy=True, **wish)
    sys.exit(_carry_out(planned, yes=yes, parallel=parallel, as_json=False))


@cli.command()
@manifests
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(paths: tuple[str, ...], connect: str, storage: str, yes: bool) -> None:
    """Empty the trash: what is in it is gone for good."""
    from pathlib import Path

    from tiny_cloud import journal
    from tiny_cloud.host import trash
    from tiny_cloud.render.text import one_line
    from tiny_cloud.sizes import about

    cloud = _load(paths, connect, storage).cloud
    found = trash.listing(cloud)
    for item, size in found:
        _out().print(f"  - {one_line(item)}  {about(size)}")
    if not found:
        _out().print("The trash is empty.")
    elif not _agreed(yes, f"Delete {len(found)} files for good?"):
        sys.exit(1)
    if Path(cloud.storage).is_dir():
        with journal.locked(Path(cloud.storage), " ".join(["tinycloud", *sys.argv[1:]])):
            # What came into the trash since was neither shown nor agreed to.
            trash.purge(cloud, [item for item, _ in found])


def _load(paths: tuple[str, ...], connect: str, storage: str) -> Workspace:
    return tiny_cloud.load(*paths, connect=connect, storage=storage)


def _plan(paths: tuple[str, ...], connect: str, storage: str, **wish: Any) -> Planned:
    from tiny_cloud import options

    meant = options.wish(**wish)
    planned = _load(paths, connect, storage).plan(meant)
    options.require_known(meant, planned)
    return planned


def _save(planned: Planned, file: str) -> None:
    from pathlib import Path

    from tiny_cloud import saved

    saved.save(planned, Path(file))


def _show(planned: Planned, *, commands: bool = False, as_json: bool = False) -> None:
    from tiny_cloud.render import json, text

    if as_json:
        click.echo(json.dumps(planned.plan))
    else:
        text.show_plan(_out(), planned.plan, commands=commands)


def _carry_out(planned: Planned, *, yes: bool, parallel: int, as_json: bool) -> int:
    plan = planned.plan
    if not as_json:
        _show(planned)
    blocked = len(plan.blocked)
    if len(plan.changes) == blocked:
        return 1 if blocked else 0
    if not _agreed(yes, "Do this?"):
        return 1
    failed = _follow(planned.apply(parallel=parallel), as_json=as_json)
    if not failed and not as_json:
        done = len(plan.changes) - blocked
        _out().print(f"Done: {done} change{'' if done == 1 else 's'}.")
    return 1 if failed or blocked else 0


def _follow(events: Iterator[Event], *, as_json: bool) -> bool:
    """Show what happens; whether something did not come out as it should."""
    from tiny_cloud.render import json
    from tiny_cloud.render.live import Live

    failed = False
    with Live(_err(quiet=as_json)) as live:
        for event in events:
            failed |= event.what in ("failed", "skipped")
            live.show(event)
            if as_json:
                click.echo(json.event_line(event))
    return failed


def _agreed(yes: bool, question: str) -> bool:
    """Nothing is guessed where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        click.echo("There is no terminal to ask at: --yes says that it shall be done.", err=True)
        return False
    return click.confirm(question, err=True)


def _out() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def _err(*, quiet: bool = False) -> Console:
    from rich.console import Console

    return Console(
        stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True, quiet=quiet
    )


def main() -> None:
    from tiny_cloud.errors import Failure, Problems

    try:
        cli(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(1)
    except Problems as error:
        from tiny_cloud.render import text

        text.show_problems(_err(), error.problems)
        sys.exit(1)
    except Failure as error:
        _fail(error)
    except OSError as error:
        # Not a broken pipe: click itself ends at that, quietly and with 1.
        name = f"{error.filename}: " if error.filename is not None else ""
        _fail(Failure(f"{name}{error.strerror or error}"))


def _fail(failure: Failure) -> NoReturn:
    from tiny_cloud.render import text

    text.show_failure(_err(), failure)
    sys.exit(1)
