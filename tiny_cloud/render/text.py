"""A Plan, Events and Problems for people, in colour where the terminal has it (rich)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tiny_cloud import schema
from tiny_cloud.errors import Failure, Problem
from tiny_cloud.model import Action, Change, Event, FieldDiff, Impact, Plan, Value
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
IMPACTS = {Impact.RESTART: "bold yellow", Impact.DESTROYS: "bold red"}

NETWORK_IMPACTS = {
    Impact.NEXT_BOOT: "when it restarts",
    Impact.RESTART: "restarts the network",
}


def clean(text: str) -> str:
    """Control and bidirectional characters made visible (CVE-2021-25743)."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)


def one_line(text: object) -> str:
    """Clean, and with no line break: nothing that is quoted may look like a line of ours."""
    return clean(str(text).rstrip("\n")).replace("\n", "\\n")


def show_plan(console: Console, plan: Plan, *, commands: bool = False) -> None:
    place = f"cloud {plan.cloud.name} at {plan.cloud.connect}, storage {plan.cloud.storage}"
    console.print(Text(one_line(place), style="dim"))
    if plan.changes:
        console.print()
    for change in plan.changes:
        _show_change(console, change, commands=commands)
    if plan.notes:
        console.print()
    for note in plan.notes:
        text = one_line(f"{note.address}: {note.text}")
        console.print(Text(f"  · {text}", style="dim"))
    console.print()
    console.print(Text(summary(plan)))


def summary(plan: Plan) -> str:
    counts = Counter(change.action for change in plan.changes if not change.blocked)
    parts = [f"{counts[action]} {word}" for action, word in COUNTED.items() if counts[action]]
    if plan.blocked:
        parts.append(f"{len(plan.blocked)} blocked")
    return "Plan: " + ", ".join(parts) + "." if parts else NO_CHANGES


def _show_change(console: Console, change: Change, *, commands: bool) -> None:
    style = STYLES[change.action]
    head = Text("  ")
    head.append(one_line(f"{change.action.value} {change.address}"), style=f"bold {style}")
    if change.former:
        head.append(one_line(f" renamed from {change.former.name}"), style=style)
    if change.impact is not Impact.NONE:
        style = IMPACTS.get(change.impact, "cyan")
        head.append(f"  [{impact_words(change, change.impact)}]", style=style)
    if change.because:
        head.append("  because " + one_line("; ".join(change.because)), style="dim")
    console.print(head)
    for diff in change.diffs:
        console.print(_field(change, diff))
    if change.blocked:
        allow = f"; to allow it: {change.allow}" if change.allow else ""
        why = one_line(f"blocked: {change.blocked}{allow}")
        console.print(Text(f"      {why}", style="bold red"))
    for step in (*change.down, *change.up, *change.seal) if commands else ():
        lines = clean(step.shell()).split("\n")
        console.print(Text("\n".join(f"      $ {line}" for line in lines)))


def _field(change: Change, diff: FieldDiff) -> Text:
    line = Text(f"      {one_line(diff.field)}: ")
    new = words(change.address.kind, diff.field, diff.new)
    if change.action is Action.CREATE:
        return line.append(new)
    old = words(change.address.kind, diff.field, diff.old)
    line.append(old, style="red").append(" → ").append(new, style="green")
    if diff.impact is not change.impact and diff.impact is not Impact.NONE:
        line.append(f"  [{impact_words(change, diff.impact)}]", style="cyan")
    return line


def impact_words(change: Change, impact: Impact) -> str:
    """A network does not boot, and restarts without the machines on it."""
    if change.address.kind == "network":
        return NETWORK_IMPACTS.get(impact, impact.value)
    return impact.value


def words(kind: str, field: str, value: Value) -> str:
    """A value as people write it: sizes with units, lists with commas."""
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    name = Resource.registry[kind].KIND if kind in Resource.registry else kind
    if isinstance(value, int) and schema.keyword(name, field, "x-size"):
        return format_size(value)
    if isinstance(value, tuple):
        return one_line(", ".join(map(str, value)))
    return one_line(value)


BEGINS = {"down": "is taken down", "up": "is brought up", "seal": "is published"}
ENDS = {"down": "is down", "up": "is up", "seal": "is in its place"}


def show_event(console: Console, event: Event) -> None:
    """One line an event; progress is for a terminal's live display only."""
    name = one_line(event.address)
    text = one_line(event.text).removeprefix(f"{name}: ")
    if event.what == "started":
        console.print(Text(f"  … {name} {BEGINS[event.phase]}", style="dim"))
    elif event.what == "done":
        console.print(Text(f"  ✓ {name} {ENDS[event.phase]}", style="green"))
    elif event.what == "skipped":
        console.print(Text(f"  ⊘ {name}: {text}", style="yellow"))
    elif event.what == "failed":
        console.print(Text(f"  ✘ {name}: {text}", style="bold red"))
        place = event.place and f"while changing {event.place}"
        _show_below(console, place, event.detail, event.hint, indent=6)


def _show_below(console: Console, *texts: str, indent: int) -> None:
    for text in filter(None, texts):
        lines = (" " * indent + line for line in clean(text.rstrip()).splitlines())
        console.print(Text("\n".join(lines)))


def show_problems(console: Console, problems: Sequence[Problem]) -> None:
    for problem in problems[:MOST_PROBLEMS]:
        place = f"{problem.span}: " if problem.span else ""
        console.print(Text(one_line(f"{place}{problem.summary}"), style="bold red"))
        if problem.span and problem.span.text:
            source = problem.span.text.expandtabs(1)
            before = one_line(source[: problem.span.column - 1])
            console.print(Text(f"    {one_line(source)}"))
            console.print(Text("    " + " " * len(before) + "^", style="red"))
        if problem.hint:
            console.print(Text(f"    {one_line(problem.hint)}", style="cyan"))
    if len(problems) > MOST_PROBLEMS:
        console.print(Text(f"… and {len(problems) - MOST_PROBLEMS} more problems"))


def show_failure(console: Console, failure: Failure) -> None:
    console.print(Text(one_line(failure.summary), style="bold red"))
    _show_below(console, failure.detail, failure.hint, indent=4)
