"""The goals of docs/reliability.md: what a test saw of one, and the table that is made of it.

A test of a goal is marked ``@pytest.mark.goal(N)`` and says at its end what it did, in `seen`. The
numbers it works with are `scaled`: few in every run, many in ``make faults``, which writes the
table: ``python -m tests.goals SEEN TABLE``.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

GOALS = {
    1: "SIGKILL before and after every step, and at 1,000 random moments: the next apply exits 0, "
       "the plan after it is empty, user data is unchanged, no leftover goes unreported",
    2: "the Nth external call fails, for every N: an exit that names the object; the next apply "
       "converges",
    3: "no observer ever sees a final path with unfinished content",
    4: "a full disk: refused beforehand, or the partial removed; nothing changed elsewhere",
    5: "0 overwrites of a file, volume, domain or network without our stamp",
    6: "removing any entry or the whole folder destroys 0 bytes",
    7: "a disk in use: 0 writes, exit within 5 s naming the holder",
    8: "a base with overlays: 0 modifications; a one-byte edit is found before use (deep)",
    9: "the second plan is empty and the second apply makes no mutating call",
    10: "`plan` writes nothing and needs no write access",
    11: "hostile images: all refused, all sane ones accepted, no foreign file ever opened",
    12: "any image, any header mutation: at most 30 s of CPU and 1 GiB, no traceback",
    13: "any YAML up to 1 MiB: an answer within 1 s and 256 MiB; 100,000 generated manifests, no "
        "traceback",
    14: "naughty strings in every field: refused, or carried byte-exact; no raw control characters "
        "on any output",
    15: "canary secrets: 0 hits in argv, environment, logs, plans, stamps, XML, tracebacks",
    16: "symlink, hardlink, fifo, oversize and non-UTF-8 variants of every edited guest file: no "
        "redirected write, a clear error",
    17: "eight applies at once: one works, the others wait or leave within 5 s with the holder's "
        "name; a dead owner's lock is free at once, never while its child lives",
}
HEADER = """# What was broken on purpose, and what came of it

Written by `make faults`, which runs the tests marked `goal` in their long form (`make test` runs
the same tests with smaller numbers). Each row says what was done and how often; with its seed the
same moments are tried again. The rows need not be of one run: it takes hours, and a part of it can
be run again by itself (`FAULTS=long SEEN=tests/seen.jsonl pytest -m goal …`).

| # | goal | what was run | points | seed | falls short |
| ---: | --- | --- | ---: | --- | --- |
"""


def scaled(short: int, long: int) -> int:
    """How many: ``long`` in ``make faults``, ``short`` in every other run."""
    return long if os.environ.get("FAULTS") else short


def seed(variable: str) -> int:
    """What the variable says; without it another one in each ``make faults``, and the same in all
    other runs, so that what fails there is the change at hand."""
    told = os.environ.get(variable)
    return int(told) if told else scaled(2012, random.randrange(1 << 32))


def seen(goal: int, what: str, points: int, *, seed: int | None = None, short: str = "") -> None:
    """That ``points`` cases of ``what`` held; ``short``: what of the goal they leave out, and why.

    ``SEEN`` names the file that this is kept in; without it nothing is kept.
    """
    if kept := os.environ.get("SEEN"):
        row = {"goal": goal, "what": what, "points": points, "seed": seed, "short": short}
        line = json.dumps(row) + "\n"
        with open(kept, "a", encoding="utf-8") as file:
            file.write(line)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a row for whatever was seen of each goal, and one for each goal without any."""
    by = defaultdict(list)
    for row in together(rows):
        by[row["goal"]].append(row)
    lines = []
    for number, goal in GOALS.items():
        nothing = {"what": "nothing", "points": 0, "seed": None, "short": "no test shows it"}
        for row in sorted(by[number], key=lambda row: row["what"]) or [nothing]:
            seed = "" if row["seed"] is None else row["seed"]
            lines.append(f"| {number} | {goal} | {row['what']} | {row['points']:,} | {seed} "
                         f"| {row['short']} |")
    return HEADER + "\n".join(lines) + "\n"


def together(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was done to one scenario after the other (``kill: disks grow``) as one row, which tells
    the points of each. Of what was done again the last counts."""
    last = {(row["goal"], row["what"], row["seed"]): row for row in rows}
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for row in last.values():
        how, colon, scenario = row["what"].partition(": ")
        key = (row["goal"], how if colon else row["what"], row["seed"], row["short"])
        told = f"{scenario} ({row['points']:,})" if colon else ""
        one = found.setdefault(key, {**row, "what": how if colon else row["what"], "points": 0,
                                     "told": []})
        one["points"] += row["points"]
        one["told"] += [told] if told else []
    return [{**one, "what": ": ".join(filter(None, (one["what"], ", ".join(one["told"]))))}
            for one in found.values()]


if __name__ == "__main__":
    source, to = map(Path, sys.argv[1:])
    to.write_text(table([json.loads(line) for line in source.read_text().splitlines()]))
