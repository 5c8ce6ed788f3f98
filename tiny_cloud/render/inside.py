"""What a look inside guests found, for people and as JSON (its form is ``schemas/verify.json``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from tiny_cloud.errors import Span
from tiny_cloud.insides import ITSELF, Drift
from tiny_cloud.render.text import one_line, words
from tiny_cloud.verification import Finding, Verdict

FORMAT_VERSION = 1
MARKS = {
    Verdict.AS_DECLARED: ("✓", "green"),
    Verdict.DRIFTED: ("~", "yellow"),
    Verdict.ABSENT: ("+", "yellow"),
    Verdict.UNREADABLE: ("✘", "red"),
}
MOST = 20
"""Lines of a file that are shown; JSON has all of them."""
SECRET = "another; what is in there is not for everybody to read"


def show(console: Console, found: Sequence[Finding]) -> None:
    for finding in found:
        mark, style = MARKS[finding.verdict]
        told = finding.why or finding.inside.system
        line = one_line(f"{mark} {finding.guest.address}  {finding.verdict}")
        console.print(Text(f"  {line}", style=f"bold {style}").append(
            f"  {one_line(told)}" if told else "", style="not bold dim"))
        for name, drifts in groupby(finding.inside.drifts, key=lambda drift: drift.field):
            console.print(_head(finding, name))
            for drift in drifts:
                _show_file(console, drift)
        for text in filter(None, (finding.hint, *finding.notes)):
            console.print(Text(f"      · {one_line(text)}", style="dim"))
    wrong = sum(finding.verdict is not Verdict.AS_DECLARED for finding in found)
    console.print()
    console.print(Text(
        f"{wrong} of {len(found)} guests not as declared." if wrong
        else f"{len(found)} guests looked into: all are as the manifests say."))


def _head(finding: Finding, name: str) -> Text:
    if name == ITSELF:
        return Text("      what is written into every guest", style="bold")
    span = _span(finding, name)
    wanted = finding.guest.desired().get(name)
    value = f": {words('guest', name, wanted)}" if wanted is not None else ""
    return Text(f"      {one_line(name + value)}", style="bold").append(
        f"  ({one_line(span)})" if span else "", style="not bold dim")


def _show_file(console: Console, drift: Drift) -> None:
    hidden = f"  ({SECRET})" if drift.hidden else ""
    console.print(Text(f"        {one_line(drift.path)}{hidden}"))
    for sign, style, lines in (("-", "red", drift.old), ("+", "green", drift.new)):
        for line in lines[:MOST]:
            console.print(Text(f"          {sign} {one_line(line)}", style=style))
        if len(lines) > MOST:
            console.print(Text(f"          {sign} … {len(lines) - MOST} more", style=style))


def _span(finding: Finding, name: str) -> Span | None:
    document = finding.guest.document
    return document.field_span(name) if document else None


def dumps(found: Sequence[Finding]) -> str:
    document = {"formatVersion": FORMAT_VERSION, "guests": list(map(_guest, found))}
    return json.dumps(document, indent=2, ensure_ascii=True)


def _guest(finding: Finding) -> dict[str, Any]:
    return {
        "address": str(finding.guest.address),
        "verdict": str(finding.verdict),
        "disk": finding.disk,
        "system": finding.inside.system,
        "why": finding.why,
        "hint": finding.hint,
        "notes": list(finding.notes),
        "drifts": list(_drifts(finding)),
    }


def _drifts(finding: Finding) -> Iterator[dict[str, Any]]:
    for drift in finding.inside.drifts:
        span = _span(finding, drift.field) if drift.field else None
        yield {
            "field": drift.field,
            "file": drift.path,
            "old": list(drift.old),
            "new": list(drift.new),
            "hidden": drift.hidden,
            "source": None if span is None else {"file": span.file, "line": span.line},
        }
