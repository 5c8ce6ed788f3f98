"""Runs as people read them: the newest last, where the eye is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from tiny_cloud.history import Deed, Told, moment
from tiny_cloud.render.text import clean, one_line

MARKS = {"done": ("✓", "green"), "failed": ("✘", "bold red"), "skipped": ("⊘", "yellow"),
         "unfinished": ("…", "yellow")}
AT_WORK = "at work"
CUT_OFF = "cut off"
"""It did not end: it was killed, or the host went down."""


def show(
    console: Console, runs: Sequence[Told], *, commands: bool = False, working: bool = False,
    indent: int = 0,
) -> None:
    """``working``: the last of them has not ended yet; ``indent``: columns."""
    lead = " " * indent
    for place, run in enumerate(runs):
        goes_on = working and place == len(runs) - 1 and not run.ended
        console.print(Text(lead).append(_head(run, goes_on=goes_on)))
        for deed in run.deeds.values():
            for line in deed_lines(deed, commands=commands):
                console.print(Text(lead).append(line))


def _head(run: Told, *, goes_on: bool) -> Text:
    line = Text().append(f"{when(run.time)}  ", style="dim")
    line.append(one_line(run.command), style="bold")
    took = f", {run.seconds:.0f} s" if run.seconds is not None else ""
    line.append(one_line(f"  by {run.user}{took}"), style="dim")
    if not run.ended:
        line.append(f"  {AT_WORK if goes_on else CUT_OFF}", style="bold yellow")
    return line


def deed_lines(deed: Deed, *, commands: bool = False) -> Iterator[Text]:
    mark, style = MARKS[deed.result]
    words = deed.text.removeprefix(f"{deed.address}: ")
    told = words or (deed.kind_of_work if deed.result == "done" else "")
    told = "not finished" if deed.result == "unfinished" else told
    yield Text(one_line(f"  {mark} {deed.address}{f': {told}' if told else ''}"), style=style)
    for text in filter(None, (f"while changing {deed.place}" if deed.place else "", deed.hint)):
        yield Text(one_line(f"      {text}"))
    for step in deed.steps if commands else ():
        yield Text("\n".join(f"      $ {line}" for line in clean(step).split("\n")))


def when(time: str) -> str:
    """In the reader's own time zone."""
    found = moment(time)
    return found.astimezone().strftime("%Y-%m-%d %H:%M:%S") if found else one_line(time)
