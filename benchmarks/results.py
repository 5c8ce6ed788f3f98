"""The rows of RESULTS.md: kept as JSON, so that each run replaces its own and leaves the others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.measure import Took

HERE = Path(__file__).parent
KEPT, TABLE = HERE / "results.json", HERE / "RESULTS.md"
MIB = 1 << 20


HEADER = """# What it costs, measured

Written by `make bench` and `make bench-scale`. All contenders of a row take turns in one run, and
what is told of them is the median. The floor is the same work done by the bare tools.

| work | goal | measured | meets it |
| --- | --- | --- | --- |"""


@dataclass(frozen=True, slots=True)
class Row:
    work: str
    goal: str
    measured: str
    meets: bool
    takes: str = ""
    """What it would take to meet the goal; said where it is missed."""
    times: Mapping[str, str] = field(default_factory=dict)
    """What each contender took."""


def told(took: Mapping[str, Took]) -> dict[str, str]:
    return {name: f"{one.seconds:.2f} s, {one.cpu:.2f} s of CPU, {one.peak / MIB:.0f} MiB"
            for name, one in took.items()}


def keep(rows: Iterable[Row], about: Mapping[str, str]) -> None:
    """``about``: the machine and the versions, which belong to each row's own run."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for row in rows:
        kept[row.work] = {**asdict(row), "about": dict(about)}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    TABLE.write_text(table(kept))


def table(kept: Mapping[str, Mapping[str, object]]) -> str:
    lines = [HEADER]
    for row in kept.values():
        meets = "yes" if row["meets"] else f"no: {row['takes']}"
        lines.append(f"| {row['work']} | {row['goal']} | {row['measured']} | {meets} |")
    lines += ["", "## What each took", ""]
    for row in kept.values():
        lines += [f"**{row['work']}** ({_words(row['about'])})", ""]
        lines += [f"- {name}: {words}" for name, words in _mapping(row["times"]).items()] + [""]
    return "\n".join(lines).rstrip() + "\n"


def _words(about: object) -> str:
    return ", ".join(f"{name} {words}".strip() for name, words in _mapping(about).items())


def _mapping(value: object) -> Mapping[str, str]:
    assert isinstance(value, Mapping)
    return value
