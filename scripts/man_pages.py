"""Man pages from click's own help: tinycloud.1, and one for each verb. The wheel's build (see
hatch_build.py) puts them under share/man.

Not by click-man: that asks an installed program for its verbs, which a wheel that is being built
is not yet, and knows neither examples nor exit codes. Format: man(7).

    scripts/man_pages.py FOLDER
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

import tiny_cloud
from tiny_cloud import cli
from tiny_cloud.verbs.examples import EXAMPLES

NAME = "tinycloud"
EXITS = (
    ("0", "It is done, or there was nothing to do."),
    ("1", "Something is wrong in a manifest, failed, is blocked, or was not agreed to."),
    ("2", "What the verb was asked to find is there: see its description and options."),
    ("64", "The command line was wrong."),
)
ENVIRONMENT = (
    ("TINYCLOUD_CONNECT", "libvirt's connection URI, as --connect."),
    ("TINYCLOUD_STORAGE", "Where files live, as --storage."),
    ("TINYCLOUD_LOCK_TIMEOUT", "How long to wait for another run to end, as --lock-timeout."),
    ("NO_COLOR", "If it is set, nothing is coloured."),
)


def write(folder: Path) -> list[Path]:
    """The files that were written."""
    folder.mkdir(parents=True, exist_ok=True)
    root = click.Context(cli.cli, info_name=NAME, **cli.cli.context_settings)
    pages = {NAME: _page(root)}
    for verb in cli.VERBS:
        command = cli.cli.get_command(root, verb)
        assert command is not None
        context = click.Context(command, info_name=verb, parent=root)
        pages[f"{NAME}-{verb}"] = _page(context)
    found = []
    for name, lines in pages.items():
        path = folder / f"{name}.1"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        found.append(path)
    return found


def _page(context: click.Context) -> Iterator[str]:
    command, name = context.command, context.command_path.replace(" ", "-")
    version = f"{NAME} {tiny_cloud.__version__}"
    yield f'.TH "{name.upper()}" "1" "{_date()}" "{version}" "User Commands"'
    yield ".SH NAME"
    sentence = command.get_short_help_str(limit=200).rstrip(".")
    yield f"{_text(name)} \\- {_text(sentence[:1].lower() + sentence[1:])}"
    yield ".SH SYNOPSIS"
    yield from _usage(context)
    yield ".SH DESCRIPTION"
    yield from _paragraphs(command.help or "")
    if isinstance(command, cli.Verbs):
        yield from _verbs(context, command)
    yield ".SH OPTIONS"
    yield from _options(context)
    if isinstance(command, click.Group) and not isinstance(command, cli.Verbs):
        yield from _commands(context, command)
    if context.parent is None:
        yield from _list("ENVIRONMENT", ENVIRONMENT)
    yield from _list("EXIT STATUS", EXITS)
    yield from _examples(EXAMPLES["" if context.parent is None else context.info_name or ""])
    yield from _see_also(context)


def _date() -> str:
    """reproducible-builds.org, SOURCE_DATE_EPOCH."""
    moment = float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def _usage(context: click.Context) -> Iterator[str]:
    words = " ".join(context.command.collect_usage_pieces(context))
    yield f".B {_text(context.command_path)}"
    yield _text(words)


def _paragraphs(text: str) -> Iterator[str]:
    for at, paragraph in enumerate(text.replace("\b\n", "").split("\n\n")):
        if at:
            yield ".PP"
        yield from (_text(line.strip()) for line in paragraph.splitlines())


def _options(context: click.Context) -> Iterator[str]:
    for param in context.command.get_params(context):
        record = param.get_help_record(context)
        if record is not None:
            yield from _item(*record)


def _commands(context: click.Context, group: click.Group) -> Iterator[str]:
    """Of a verb that has verbs of its own."""
    yield ".SH COMMANDS"
    for name, command in sorted(group.commands.items()):
        inner = click.Context(command, info_name=name, parent=context)
        yield f'.SS "{_text(name)}"'
        yield from _usage(inner)
        yield ".PP"
        yield from _paragraphs(command.help or "")
        yield from _options(inner)


def _verbs(context: click.Context, verbs: cli.Verbs) -> Iterator[str]:
    yield ".SH COMMANDS"
    for title, names in cli.SECTIONS.items():
        yield f'.SS "{_text(title)}"'
        for name in names:
            command = verbs.get_command(context, name)
            assert command is not None
            yield from _item(f"{NAME}-{name}(1)", command.get_short_help_str(limit=200))


def _list(title: str, items: tuple[tuple[str, str], ...]) -> Iterator[str]:
    yield f".SH {title}"
    for name, text in items:
        yield from _item(name, text)


def _item(name: str, text: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_text(name)}\\fR", _text(text))


def _examples(examples: tuple[tuple[str, str], ...]) -> Iterator[str]:
    yield ".SH EXAMPLES"
    for line, what in examples:
        yield from _item(line, what[:1].upper() + what[1:] + ".")


def _see_also(context: click.Context) -> Iterator[str]:
    others = [NAME] if context.parent else [f"{NAME}-{verb}" for verb in cli.VERBS]
    yield ".SH SEE ALSO"
    for at, name in enumerate(others):
        yield f".BR {_text(name)} (1){',' if at < len(others) - 1 else ''}"


def _text(text: str) -> str:
    """Hyphens as they are typed, and nothing that roff takes for a request (groff_char(7))."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    for page in write(Path(sys.argv[1])):
        print(page)
