"""A Plan, Events and Problems for people, in colour where the terminal has it (rich)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from tiny_cloud import schema
from tiny_cloud.errors import Failure, Problem
from tiny_cloud.model import Action, Address, Change, FieldDiff, Impact, Plan, Scalar, Value
from tiny_cloud.render.lines import say
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import format_size
from tiny_cloud.yaml12 import MOST_PROBLEMS

STYLES = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.RESTART: "yellow",
    Action.DELETE: "red",
}
COUNTED = {
    Action.CREATE: "to create",
    Action.UPDATE: "to change",
    Action.REPLACE: "to replace",
    Action.RESTART: "to restart",
    Action.DELETE: "to remove",
}
NO_CHANGES = "No changes: the host is as the manifests say."
FEW = 5
"""Names that are told of many."""
IMPACTS = {Impact.RESTART: "bold yellow", Impact.DESTROYS: "bold red"}

NETWORK_IMPACTS = {
    Impact.NEXT_BOOT: "when it restarts",
    Impact.RESTART: "restarts the network",
}


def clean(text: str) -> str:
    """Control and bidirectional characters made visible (CVE-2021-25743)."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)


def one_line(text: object) -> str:
    """Clean, and with no line break: nothing that is quoted may look like a line of ours."""
    return clean(str(text).rstrip("\n")).replace("\n", "\\n")


def show_plan(console: Console, plan: Plan, *, commands: bool = False) -> None:
    place = f"cloud {plan.cloud.name} at {plan.cloud.connect}, storage {plan.cloud.storage}"
    say(console, Text(one_line(place), style="dim"))
    if plan.changes:
        console.print()
    for change in plan.changes:
        _show_change(console, change, commands=commands)
    if plan.notes:
        console.print()
    for note in plan.notes:
        say(console, Text(f"· {one_line(note.address)}: {one_line(note.text)}", style="dim"), 2)
    console.print()
    say(console, _summary(plan))


def summary(plan: Plan) -> str:
    """How many changes, and what those that will be done cost."""
    return _summary(plan).plain


def _summary(plan: Plan) -> Text:
    counts = Counter(change.action for change in plan.changes if not change.blocked)
    parts = [Text(f"{counts[action]} {word}", style=f"bold {STYLES[action]}")
             for action, word in COUNTED.items() if counts[action]]
    if plan.blocked:
        parts.append(Text(f"{len(plan.blocked)} blocked", style="bold red"))
    if not parts:
        return Text(NO_CHANGES, style="green")
    line = Text("Plan: ").append_text(Text(", ").join(parts)).append(".")
    will = [change for change in plan.changes if not change.blocked]
    restarts = dict.fromkeys(a for change in will for a in change.restarts)
    lost = [change.address for change in will if change.impact is Impact.DESTROYS]
    if restarts:
        line.append(f" Restarts {_few(_name(a) for a in restarts)}.", style="bold yellow")
    if lost:
        line.append(f" Destroys data of {_few(map(one_line, lost))}.", style="bold red")
    return line


def _name(address: Address) -> str:
    """People call machines by their names alone."""
    return one_line(address.name if address.kind == "virtualmachine" else address)


def _few(names: Iterable[str]) -> str:
    all_of_them = list(names)
    more = len(all_of_them) - FEW
    return ", ".join(all_of_them[:FEW]) + (f" and {more} more" if more > 0 else "")


def _show_change(console: Console, change: Change, *, commands: bool) -> None:
    style = STYLES[change.action]
    head = Text(one_line(f"{change.action.value} {change.address}"), style=f"bold {style}")
    head = Text().append_text(head)
    if change.former:
        head.append(one_line(f" renamed from {change.former.name}"), style=style)
    if change.impact is not Impact.NONE:
        style = IMPACTS.get(change.impact, "cyan")
        head.append(f"  [{impact_words(change, change.impact)}]", style=style)
    if change.because:
        head.append("  because " + one_line("; ".join(change.because)), style="dim")
    say(console, head, 2)
    for diff in change.diffs:
        say(console, _field(change, diff), 6)
    if change.blocked:
        allow = f"; to allow it: {change.allow}" if change.allow else ""
        say(console, Text(one_line(f"blocked: {change.blocked}{allow}"), style="bold red"), 6)
    for step in (*change.down, *change.up, *change.seal) if commands else ():
        lines = clean(step.shell()).split("\n")
        console.print(Text("\n".join(f"      $ {line}" for line in lines)))


def _field(change: Change, diff: FieldDiff) -> Text:
    line = Text(f"{one_line(diff.field)}: ")
    new = words(change.address.kind, diff.field, diff.new)
    if change.action is Action.CREATE:
        return line.append(new)
    old = words(change.address.kind, diff.field, diff.old)
    line.append(old, style="red").append(" → ").append(new, style="green")
    # What restarts anyway has its new values then.
    milder = (Impact.NONE, *((Impact.LIVE, Impact.NEXT_BOOT) if change.restarts else ()))
    if diff.impact is not change.impact and diff.impact not in milder:
        line.append(f"  [{impact_words(change, diff.impact)}]", style="cyan")
    return line


def impact_words(change: Change, impact: Impact) -> str:
    """A network does not boot, and restarts without the machines on it."""
    if change.address.kind == "network":
        return NETWORK_IMPACTS.get(impact, impact.value)
    if impact is Impact.RESTART and change.restarts:
        return f"restarts {_few(map(_name, change.restarts))}"
    return impact.value


def words(kind: str, field: str, value: Value) -> str:
    """A value as people write it: sizes with units, lists with commas, mappings as YAML has them
    on one line."""
    if value in (None, "", ()):
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    name = Resource.registry[kind].KIND if kind in Resource.registry else kind
    if isinstance(value, int) and schema.keyword(name, field, "x-size"):
        return format_size(value)
    if isinstance(value, tuple):
        return one_line(", ".join(map(_flow, value)))
    return one_line(_flow(value))


def _flow(value: Scalar) -> str:
    """What is a mapping in a manifest is JSON in a plan."""
    if not isinstance(value, str) or not value.startswith("{"):
        return str(value)
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return "{" + ", ".join(f"{key}: {item}" for key, item in items.items()) + "}"


def show_problems(console: Console, problems: Sequence[Problem]) -> None:
    for problem in problems[:MOST_PROBLEMS]:
        place = f"{problem.span}: " if problem.span else ""
        say(console, Text(one_line(f"{place}{problem.summary}"), style="bold red"))
        if problem.span and problem.span.text:
            source = problem.span.text.expandtabs(1)
            before = one_line(source[: problem.span.column - 1])
            console.print(Text(f"    {one_line(source)}"))
            console.print(Text("    " + " " * len(before) + "^", style="red"))
        if problem.hint:
            say(console, Text(one_line(problem.hint), style="cyan"), 4)
    if len(problems) > MOST_PROBLEMS:
        console.print(Text(f"… and {len(problems) - MOST_PROBLEMS} more problems"))


def show_failure(console: Console, failure: Failure) -> None:
    say(console, Text(one_line(failure.summary), style="bold red"))
    show_said(console, failure.detail, 4)
    if failure.hint:
        say(console, Text(one_line(failure.hint), style="cyan"), 4)


def show_said(console: Console, detail: str, indent: int) -> None:
    """A command with what it said, as it said it: to be copied."""
    for said in clean(detail.rstrip()).splitlines():
        console.print(Text(" " * indent + said))
