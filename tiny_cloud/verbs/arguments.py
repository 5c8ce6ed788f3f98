"""What several verbs take on the command line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

CONSENTS = {
    "--replace": "Let this thing be made anew; the old one's data goes to the trash.",
    "--delete-data": "Let this thing's data go (to the trash).",
    "--restart": "Let this machine restart, gracefully.",
    "--force-off": "Pull this machine's plug if it does not power off when asked.",
    "--rebase": "Let this disk stand on what its manifest says; its content stays the same.",
    "--adopt": "Take over what exists under this name and was not made here.",
}
LOCK_TIMEOUT = "tinycloud.lock_timeout"
"""Where click's context keeps it, in seconds, for whoever takes the lock."""
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
PARALLEL = click.option(
    "--parallel", default=4, show_default=True, type=click.IntRange(1, 64), metavar="N",
    help="How many things are worked on at once.")
COMMANDS = click.option("--commands", is_flag=True, help="Show what a person would type.")
PRUNE = click.option(
    "--prune", is_flag=True, help="Also remove what is owned and no longer declared.")
DEEP = click.option(
    "--deep", is_flag=True,
    help="Also look inside guests and read whole base images, for what no other look can see.")
HOST = (
    click.option("--connect", default="", metavar="URI", help="libvirt's connection URI."),
    click.option("--storage", default="", metavar="FOLDER", help="Where files live."),
)
TARGET = click.option(
    "--target", multiple=True, metavar="KIND/NAME", help="Only this and what it needs.")
EXAMPLE = "tier=front,env!=test,zone in (a,b),key"
SELECTOR = click.option(
    "-l", "--selector", multiple=True, metavar="LABELS",
    help=f"Only what has these labels and what that needs: {EXAMPLE}.")


def seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Of a duration as kubectl and terraform have it: 90s, 5m."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smh]?)", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no duration: write 30s, 5m or 1h", ctx, param)
    return float(found[1]) * SECONDS[found[2]]


def _kept(ctx: click.Context, param: click.Parameter, value: str) -> None:
    ctx.meta[LOCK_TIMEOUT] = seconds(ctx, param, value)


def YES(command: Command) -> Command:
    """What every verb takes that changes something."""
    for decorate in (
        click.option("--lock-timeout", default="3s", show_default=True,
                     metavar="DURATION", envvar="TINYCLOUD_LOCK_TIMEOUT", expose_value=False,
                     callback=_kept, help="How long to wait for another run to end."),
        click.option("--yes", is_flag=True, help="Do not ask."),
    ):
        command = decorate(command)
    return command


def manifests(command: Command) -> Command:
    """PATH… and the options that say which host and where."""
    return _with(command, (click.argument("paths", nargs=-1, metavar="[PATH]..."), *HOST),
                 "PATH is a file or a folder of manifests, or - for what comes on stdin; without "
                 "one the folder manifests/.")


def place(command: Command, *, names: tuple[str, ...] = ("-f", "--file")) -> Command:
    """The same for verbs that are given names of things: manifests come by an option."""
    for decorate in reversed((
        click.option(*names, "paths", multiple=True, metavar="PATH",
                     help="Manifests: a file, a folder, or -; without one manifests/."),
        *HOST,
    )):
        command = decorate(command)
    return command


def consents(command: Command) -> Command:
    """What is done to a thing only if it is said for that very thing."""
    options = [click.option(flag, multiple=True, metavar="KIND/NAME", help=text)
               for flag, text in CONSENTS.items()]
    return _with(command, options,
                 "Options with KIND/NAME can be given several times, and take patterns in quotes: "
                 "'disk/web-*'. A change that needs one it has not got is blocked, and says which.")


def _with(command: Command, decorates: Sequence[Any], words: str) -> Command:
    """In the order in which help is to show them, and a paragraph of it, after the first."""
    for decorate in reversed(decorates):
        command = decorate(command)
    first, _, rest = inspect.cleandoc(command.__doc__ or "").partition("\n\n")
    command.__doc__ = "\n\n".join(filter(None, (first, words, rest)))
    return command
