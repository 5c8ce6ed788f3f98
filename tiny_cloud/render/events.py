"""What is said of an Event: a line, and of a failure all that helps with it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tiny_cloud.events import Event
from tiny_cloud.model import Action
from tiny_cloud.render.lines import say
from tiny_cloud.render.meter import seconds
from tiny_cloud.render.tally import Tally
from tiny_cloud.render.text import one_line, show_said

BEGINS = {
    Action.CREATE: "is being created",
    Action.UPDATE: "is being changed",
    Action.REPLACE: "is being replaced",
    Action.RESTART: "is being restarted",
    Action.DELETE: "is being removed",
}
ENDS = {
    Action.CREATE: "created",
    Action.UPDATE: "changed",
    Action.REPLACE: "replaced",
    Action.RESTART: "restarted",
    Action.DELETE: "removed",
}
GOES_DOWN = "is being taken down"
DOWN = "is down"
STYLES = {"started": "dim", "done": "green", "skipped": "yellow", "failed": "bold red"}


def line(event: Event, tally: Tally, took: float = 0.0) -> Text | None:
    """None: nothing to tell people. ``tally`` has heard of the event; ``took``: seconds since the
    change began."""
    action = tally.actions.get(event.address, Action.UPDATE)
    over = tally.is_finished(event.address)
    down = event.phase == "down" and not over and action is not Action.DELETE
    name = one_line(event.address)
    text = one_line(event.text).removeprefix(f"{name}: ")
    if event.what == "started" and event.phase != "seal":
        words = f"… {name} {GOES_DOWN if down else BEGINS[action]}"
    elif event.what == "done" and (over or down):
        time = f" in {seconds(took)}" if over and round(took) else ""
        words = f"✓ {name} {ENDS[action] if over else DOWN}{time}"
    elif event.what == "skipped":
        words = f"⊘ {name}: {text}"
    elif event.what == "failed":
        words = f"✘ {name}: {text}"
    else:
        return None
    return Text(words, style=STYLES[event.what])


def show_failed(console: Console, event: Event, indent: int) -> None:
    """What helps with it: where the manifest says it, too."""
    if event.place:
        say(console, Text(f"declared in {one_line(event.place)}", style="dim"), indent)
    show_said(console, event.detail, indent)
    if event.hint:
        say(console, Text(f"→ {one_line(event.hint)}", style="cyan"), indent)


def outcome(tally: Tally, *, stopped: bool) -> str:
    """What is done and what is not, in one line."""
    done, total = len(tally.finished), len(tally.actions)
    if done == total and not tally.failed:
        return f"Done: {_changes(done)}." + (f" {tally.blocked} blocked." if tally.blocked else "")
    if stopped:
        return f"Stopped: {done} of {_changes(total)} done. The next apply does the rest."
    parts = [f"{done} of {_changes(total)} done", f"{len(tally.failed)} failed"]
    if left := total - done - len(tally.failed):
        parts.append(f"{left} not done")
    if tally.blocked:
        parts.append(f"{tally.blocked} blocked")
    return f"Failed: {', '.join(parts)}."


def _changes(number: int) -> str:
    return f"{number} change{'' if number == 1 else 's'}"
