"""What ``doctor`` found, for people and as JSON (``schemas/doctor.json``)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tiny_cloud.abilities import Finding
from tiny_cloud.render.text import one_line

FORMAT_VERSION = 1
MOST = 3
"""Names that are listed of those who need it."""


def show(console: Console, findings: Sequence[Finding]) -> None:
    width = max(len(one.ability.name) for one in findings)
    for one in findings:
        glyph, style = ("✓", "green") if one.able else ("✘", "bold red") if one.fails else (
            "·", "yellow")
        line = Text(f"{glyph} {one.ability.name.ljust(width)}  ", style=style)
        console.print(line.append(one_line(one.text), style="" if one.able else style))
        if not one.able:
            indent = " " * (width + 4)
            console.print(Text(f"{indent}for {one.ability.purpose}{_users(one)}"))
            if one.remedy:
                console.print(Text(f"{indent}{one_line(one.remedy)}", style="cyan"))
    console.print()
    console.print(summary(findings))


def summary(findings: Sequence[Finding]) -> str:
    failing = sum(one.fails for one in findings)
    rest = sum(not one.able for one in findings) - failing
    if failing:
        said = f"{failing} of what the manifests need {'is' if failing == 1 else 'are'} missing."
    elif any(one.users for one in findings):
        said = "All that is declared can be done here."
    else:
        said = "Nothing is declared that needs any of it."
    return f"{said} {rest} more {'is' if rest == 1 else 'are'} not there." if rest else said


def dumps(findings: Sequence[Finding]) -> str:
    return json.dumps({
        "formatVersion": FORMAT_VERSION,
        "able": not any(one.fails for one in findings),
        "findings": [{
            "ability": one.ability.name, "purpose": one.ability.purpose, "able": one.able,
            "text": one.text, "remedy": one.remedy, "neededBy": list(map(str, one.users)),
        } for one in findings],
    }, indent=2)


def _users(one: Finding) -> str:
    names = [one_line(user) for user in one.users]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"; needed by {', '.join(names[:MOST])}{more}" if names else ""
