"""Whether what is inside the guests' disks is what the manifests say: nothing is changed."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from msgspec import Struct, field

from tiny_cloud import suggest
from tiny_cloud.api import Workspace
from tiny_cloud.cloudinit import seeds
from tiny_cloud.errors import Failure
from tiny_cloud.insides import Inside
from tiny_cloud.kinds.guest import Guest
from tiny_cloud.model import Address, Observed, Unknown

LAGS = "is running: what it has not written back yet is not seen"


class Verdict(enum.StrEnum):
    AS_DECLARED = "as declared"
    DRIFTED = "drifted"
    ABSENT = "not there"
    """Its disk is not, or nothing of it was written into that."""
    UNREADABLE = "cannot be read"


class Finding(Struct, frozen=True):
    guest: Guest
    verdict: Verdict
    disk: str = ""
    inside: Inside = field(default_factory=lambda: Inside(""))
    why: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()


def examine(
    workspace: Workspace, wanted: Sequence[Address] = (), *, parallel: int,
    run_commands: bool = False,
) -> list[Finding]:
    """Of those guests, or of those of these machines and disks; of all that are declared if none is
    named. What cloud-init makes of a seed is its own affair, and is not compared.
    ``parallel``: how many appliances run at once. Raises Failure."""
    guests = _chosen([item for item in workspace.resources
                      if isinstance(item, Guest) and not seeds.wanted(item.spec)], wanted)
    view = workspace.look(run_commands=run_commands)
    there = [item for item in guests if item.address in view.actual]
    steps = Guest.readings(view.host, there)
    insides = view.host.look_into(steps, parallel)
    found = []
    for item in guests:
        seen, inside = view.actual.get(item.address), insides.get(item.address)
        step = steps.get(item.address)
        if seen is None:
            hint = "tinycloud apply writes it"
            found.append(Finding(item, Verdict.ABSENT, why="it is not written yet", hint=hint))
        elif inside is None or step is None or isinstance(inside, Unknown):
            lost = inside or seen
            assert isinstance(lost, Unknown)
            found.append(Finding(item, Verdict.UNREADABLE, step.disk if step else "",
                                 why=lost.reason, hint=lost.hint))
        else:
            verdict = Verdict.DRIFTED if inside.drifts else Verdict.AS_DECLARED
            found.append(Finding(item, verdict, step.disk, inside,
                                 notes=(*_remarks(seen), *inside.notes)))
    return found


def _chosen(guests: Sequence[Guest], wanted: Sequence[Address]) -> list[Guest]:
    """Those that are named, in the order of the manifests."""
    chosen: set[Address] = set()
    for address in wanted:
        meant = {item.address for item in guests
                 if address == item.address
                 or address in {link.address for link in item.links.values()}}
        if not meant:
            hint = suggest.hint(str(address), [str(item.address) for item in guests], "there are")
            raise Failure(f"no guest is declared that is {address} or in it",
                          hint or "nothing of the kind is declared")
        chosen |= meant
    return [item for item in guests if not wanted or item.address in chosen]


def _remarks(seen: Observed | Unknown) -> tuple[str, ...]:
    if isinstance(seen, Unknown):
        return (f"{seen.reason}; tinycloud apply --deep makes it anew",)
    return (f"{', '.join(seen.users)} {LAGS}",) if seen.running else ()
