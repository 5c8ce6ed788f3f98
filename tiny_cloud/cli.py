"""The command line: arguments in, exit code out. It adds nothing to the API but words."""

from __future__ import annotations

import atexit
import gc
import resource
import sys
from importlib import import_module
from keyword import iskeyword
from typing import NoReturn

import click

import tiny_cloud
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.render import plain
from tiny_cloud.verbs import words
from tiny_cloud.verbs.examples import epilog

USAGE = 64
"""sysexits.h EX_USAGE, so that 2 always means "there are changes"."""
SECTIONS = {
    "Manifests": ("init", "import", "validate", "fmt", "pin", "explain", "schema"),
    "Changes": ("plan", "diff", "apply", "destroy"),
    "Looking": ("get", "describe", "graph", "history"),
    "Machines": ("start", "stop", "restart", "console", "ssh", "ip", "wait", "logs", "snapshot"),
    "Disks and guests": ("flatten", "commit", "check", "verify", "mount"),
    "Recovery and trash": ("status", "repair", "gc", "purge"),
    "This host": ("doctor", "completion"),
}
"""In the order in which help shows them; each is a file in ``verbs/``, read when it is meant."""
VERBS = tuple(verb for verbs in SECTIONS.values() for verb in verbs)


class Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        # A file cannot be imported by the name of a keyword.
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(f"tiny_cloud.verbs.{name}"), name)
        command.epilog = epilog(cmd_name)
        words.teach(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """By purpose, and each with its whole first sentence."""
        width = max(map(len, VERBS))
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(width), _sentence(self.get_command(ctx, verb)))
                                    for verb in verbs])


def _sentence(command: click.Command | None) -> str:
    return command.get_short_help_str(limit=200) if command else ""


@click.group(cls=Verbs, epilog=epilog(""),
             context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tiny_cloud.__version__, prog_name="tinycloud")
def cli() -> None:
    """Machines described in YAML: says what would change, then does exactly that."""


def main() -> None:
    # What a command makes lives until it ends, nearly all of it: there is little to look for
    # meanwhile, and the whole goes at once then.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    # Neither we nor a child that holds a key in its memory leaves that behind when it crashes.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    plain.allow(sys.stdout, sys.stderr)
    try:
        cli(prog_name="tinycloud", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(1)
    except (Failure, Problems, OSError) as error:
        # Not a broken pipe: click itself ends at that, quietly and with 1.
        _fail(error)


def _fail(error: Failure | Problems | OSError) -> NoReturn:
    from tiny_cloud.render import text
    from tiny_cloud.verbs import terminal

    if isinstance(error, Problems):
        text.show_problems(terminal.err(), error.problems)
    elif isinstance(error, Failure):
        text.show_failure(terminal.err(), error)
    else:
        name = f"{error.filename}: " if error.filename is not None else ""
        failure = Failure(f"{name}{error.strerror or error}")
        text.show_failure(terminal.err(), failure)
    sys.exit(1)
