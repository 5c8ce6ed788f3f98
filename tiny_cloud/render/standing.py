"""How a cloud stands: who is at work, what killed runs have left, what waits in the trash.

As words for people, and as JSON in the form of ``schemas/status.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct
from rich.console import Console

from tiny_cloud.errands.leftovers import Leftover
from tiny_cloud.render import tables
from tiny_cloud.render.json import FORMAT_VERSION
from tiny_cloud.render.text import one_line
from tiny_cloud.sizes import about

WELL = "All is well: nothing is left of runs that were cut off."
REMEDY = "tinycloud repair removes it"


class Standing(Struct, frozen=True):
    holder: str
    """Who is at work; empty: nobody. Then alone it is known what is left."""
    cut_off: str
    """The last run, if it did not end."""
    left: Sequence[Leftover]
    trash: int | None
    """Bytes of all that waits there; None: nothing does."""


def show(out: Console, standing: Standing) -> None:
    if standing.holder:
        said = f"At work: {standing.holder}. What is left is seen when that has ended."
        out.print(one_line(said))
    elif standing.cut_off:
        out.print(one_line(f"Cut off: {standing.cut_off}."))
    if standing.left:
        rows = [(str(one.address), one.text, one.remedy or REMEDY) for one in standing.left]
        tables.show(out, ("NAME", "WHAT", "REMEDY"), rows)
    elif not standing.holder:
        out.print(WELL)
    if standing.trash is not None:
        out.print(f"In the trash: {about(standing.trash)}, until tinycloud purge.")


def dumps(standing: Standing) -> str:
    return json.dumps({
        "formatVersion": FORMAT_VERSION,
        "atWork": standing.holder,
        "cutOff": standing.cut_off,
        "left": [{"address": str(one.address), "text": one.text, "remedy": one.remedy or REMEDY,
                  "removable": bool(one.steps)} for one in standing.left],
        "trash": standing.trash,
    }, indent=2)
