"""The journal, told as runs: who did what, when, and what came of each thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from tiny_cloud import journal
from tiny_cloud.errors import Failure

WORST = ("failed", "skipped", "unfinished", "done")
"""What can come of a thing, the worst first. Unfinished: the run was killed meanwhile."""


class Deed(Struct):
    """What one run did to one thing."""

    address: str
    phases: list[str] = field(default_factory=list)
    """Those that were begun, of ``model.PHASES``."""
    done: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    """What a person would have typed."""
    outcome: str = ""
    """``failed`` or ``skipped``; empty: see ``result``."""
    text: str = ""
    """Why it failed or was skipped."""
    hint: str = ""
    place: str = ""

    @property
    def kind_of_work(self) -> str:
        """As far as its phases tell; empty: they do not."""
        if self.phases == ["down"]:
            return "removed"
        return "restarted" if "down" in self.phases else "made" if "seal" in self.phases else ""

    @property
    def result(self) -> str:
        """Of WORST."""
        return self.outcome or ("done" if set(self.phases) <= set(self.done) else "unfinished")


class Told(Struct):
    """One run."""

    time: str
    """When it began (ISO 8601, UTC)."""
    user: str
    pid: int
    command: str
    ended: str = ""
    """When it ended; empty: it was killed, or goes on."""
    deeds: dict[str, Deed] = field(default_factory=dict)
    """By address."""

    @property
    def result(self) -> str:
        """The worst of what came of its deeds."""
        found = {deed.result for deed in self.deeds.values()} or {"done"}
        if not self.ended:
            found.add("unfinished")
        return next(result for result in WORST if result in found)

    @property
    def seconds(self) -> float | None:
        """How long it took; None: nobody knows."""
        began, ended = moment(self.time), moment(self.ended)
        return (ended - began).total_seconds() if began and ended else None


def runs(storage: Path, address: str = "") -> list[Told]:
    """The oldest first; with an address those that did something to it, and only that.

    Raises Failure if they may not be read."""
    path = storage / "journal.jsonl"
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}",
                      "run as the user who applied") from error
    found = list(_runs(journal.entries(storage)))
    if address:
        for run in found:
            run.deeds = {name: it for name, it in run.deeds.items() if name == address}
        found = [run for run in found if run.deeds]
    return found


def moment(time: str) -> datetime | None:
    """None: it is no time."""
    try:
        return datetime.fromisoformat(time)
    except ValueError:
        return None


def _runs(entries: Iterator[dict[str, Any]]) -> Iterator[Told]:
    """One holds the journal at a time: what comes after a beginning is of that run."""
    run: Told | None = None
    for entry in entries:
        what, time = entry.get("what"), str(entry.get("time", ""))
        if what == "begin":
            if run is not None:
                yield run
            pid = entry.get("pid")
            run = Told(time, str(entry.get("user", "")), pid if isinstance(pid, int) else 0,
                       str(entry.get("command", "")))
        elif run is not None and what == "end":
            run.ended = time
        elif run is not None and "address" in entry:
            name = str(entry["address"])
            _tell(run.deeds.setdefault(name, Deed(name)), entry)
    if run is not None:
        yield run


def _tell(deed: Deed, entry: dict[str, Any]) -> None:
    what, phase, text, hint, place = (
        str(entry.get(key, "")) for key in ("what", "phase", "text", "hint", "place"))
    if what == "started":
        deed.phases.append(phase)
    elif what == "step":
        deed.steps.append(text)
    elif what == "done":
        deed.done.append(phase)
    elif what in ("failed", "skipped"):
        deed.outcome, deed.text, deed.hint, deed.place = what, text, hint, place


def documents(found: Sequence[Told]) -> list[dict[str, Any]]:
    """As JSON has them: ``schemas/history.json``."""
    return [{
        "time": run.time, "ended": run.ended or None, "user": run.user, "pid": run.pid,
        "command": run.command, "result": run.result,
        "changes": [{
            "address": deed.address, "result": deed.result, "phases": deed.phases,
            "commands": deed.steps, "text": deed.text, "hint": deed.hint, "place": deed.place,
        } for deed in run.deeds.values()],
    } for run in found]
