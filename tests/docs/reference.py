"""docs/cli.md, written from what click knows of every verb."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tiny_cloud.cli import VERBS, cli

HEAD = """# Every verb and option

Written from the command line itself (`pytest tests/unit/test_docs.py --regenerate`). `tinycloud -h`
and `tinycloud VERB -h` show the same. PATH is a file, a folder, or `-` for standard input; without
one it is `manifests/`. KIND/NAME is `virtualmachine/web`, `vm/web`, `disk/web-root`; an option that
takes it may be given again, and it may be a pattern in quotes: `--restart 'vm/web-*'`.

| exit code | means |
| --- | --- |
| 0 | done, or nothing to do |
| 1 | an error, or something that is blocked |
| 2 | there are changes (`plan --detailed-exitcode`); not as it should be (`verify`, `status`) |
| 64 | the command line was wrong |

| environment | stands for |
| --- | --- |
| `TINYCLOUD_CONNECT` | `--connect` |
| `TINYCLOUD_STORAGE` | `--storage` |
| `TINYCLOUD_LOCK_TIMEOUT` | `--lock-timeout` |
| `NO_COLOR` | output without colours |
"""


BAR = "\\|"
"""What ends no cell of a table."""


def text() -> str:
    parent = click.Context(cli, info_name="tinycloud")
    return HEAD + "".join(page for verb in VERBS for page in _verb(parent, verb, cli))


def _verb(parent: click.Context, name: str, group: click.Group) -> Iterator[str]:
    command = group.get_command(parent, name)
    assert command is not None
    with click.Context(command, info_name=name, parent=parent) as ctx:
        usage = command.get_usage(ctx).removeprefix("Usage: ").replace("\n", " ")
        said = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
        yield f"\n## {ctx.command_path}\n\n`{' '.join(usage.split())}`\n\n{said}\n{_options(ctx)}"
        if isinstance(command, click.Group):
            for below in command.list_commands(ctx):
                yield from _verb(ctx, below, command)


def _options(ctx: click.Context) -> str:
    rows = [record for option in ctx.command.params if isinstance(option, click.Option)
            and (record := option.get_help_record(ctx))]
    if not rows:
        return ""
    lines = [f"| `{words.replace('|', BAR)}` | {' '.join(text.split()).replace('|', BAR)} |"
             for words, text in rows]
    return "\n| option | |\n| --- | --- |\n" + "\n".join(lines) + "\n"
