"""Tables of what there is, a table a kind, as kubectl prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console

from tiny_cloud.inventory import Status, Thing
from tiny_cloud.inventory.measures import measures
from tiny_cloud.render import tables
from tiny_cloud.sizes import about, format_size

STYLES: dict[str, str] = {
    Status.READY: "green",
    Status.DRIFTED: "yellow",
    Status.MISSING: "yellow",
    Status.FOREIGN: "red",
    Status.UNKNOWN: "red",
    Status.UNDECLARED: "magenta",
}
NOTHING = "-"
Column = tuple[str, Callable[[dict[str, Any]], object]]


def _size(key: str) -> Callable[[dict[str, Any]], str]:
    def show(told: dict[str, Any]) -> str:
        value = told.get(key)
        return format_size(value) if isinstance(value, int) else str(value or "")

    return show


def _about(told: dict[str, Any]) -> str:
    return about(told["actualSize"]) if "actualSize" in told else ""


def _plain(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda told: told.get(key)


def _names(key: str) -> Callable[[dict[str, Any]], str]:
    return lambda told: ", ".join(told.get(key, ()))


def _addresses(told: dict[str, Any]) -> str:
    return ", ".join(one["address"] for one in told.get("addresses", ()))


def _base(told: dict[str, Any]) -> str:
    """What it stands on; a file that is nobody's by its path."""
    chain = told.get("chain", ())
    own = next((at for at, one in enumerate(chain) if one["path"] == told.get("path")), 0)
    below = chain[own + 1] if len(chain) > own + 1 else {}
    return str(below.get("owner") or below.get("path", ""))


def _count(told: dict[str, Any]) -> str:
    return str(len(told.get("standingOn", ())))


DISK: tuple[tuple[Column, ...], tuple[Column, ...]] = (
    (("SIZE", _size("virtualSize")), ("DECLARED", _size("declaredSize")), ("ON HOST", _about),
     ("BASE", _base), ("USED BY", _names("usedBy"))),
    (("FORMAT", _plain("format")), ("PATH", _plain("path"))))
COLUMNS: dict[str, tuple[tuple[Column, ...], tuple[Column, ...]]] = {
    "virtualmachine": (
        (("STATE", _plain("state")), ("CPUS", _plain("cpus")), ("MEMORY", _size("memory")),
         ("ADDRESSES", _addresses)),
        (("DOMAIN", _plain("domain")), ("SNAPSHOTS", _names("snapshots")),
         ("UUID", _plain("uuid")))),
    "disk": DISK, "logicalvolume": DISK, "rbdimage": DISK,
    "image": (
        (("SIZE", _size("virtualSize")), ("ON HOST", _about), ("DISKS", _count)),
        (("ON IT", _names("standingOn")), ("PATH", _plain("path")))),
    "network": (
        (("STATE", _plain("state")), ("FORWARD", _plain("forward")), ("SUBNET", _plain("subnet")),
         ("BRIDGE", _plain("bridge"))),
        (("NETWORK", _plain("network")), ("USED BY", _names("usedBy")))),
    "guest": (
        (("DISK", _plain("disk")), ("HOSTNAME", _plain("hostname"))),
        (("USED BY", _names("usedBy")),)),
}
"""Those that are always there, and those that ``-o wide`` adds."""


def show(console: Console, things: Sequence[Thing], *, wide: bool) -> None:
    """A table a kind; names with their kind where there is more than one."""
    order = {kind: place for place, kind in enumerate(COLUMNS)}
    by_kind = sorted(things, key=lambda one: order.get(one.resource.address.kind, len(order)))
    groups = [list(group) for _, group in groupby(
        by_kind, key=lambda one: one.resource.address.kind)]
    for place, group in enumerate(groups):
        if place:
            console.print()
        _table(console, group, wide=wide, full=len(groups) > 1)


def _table(console: Console, group: Sequence[Thing], *, wide: bool, full: bool) -> None:
    usual, more = COLUMNS.get(group[0].resource.address.kind, ((), ()))
    columns = (*usual, *(more if wide else ()))
    tables.show(console, ("NAME", "STATUS", *(head for head, _ in columns)),
                (_row(thing, columns, full=full) for thing in group), styles={1: STYLES})


def _row(thing: Thing, columns: Iterable[Column], *, full: bool) -> tuple[str, ...]:
    address, told = thing.resource.address, measures(thing)
    cells = (shown(told) for _, shown in columns)
    return (str(address) if full else address.name, str(thing.status),
            *(NOTHING if cell in (None, "") else str(cell) for cell in cells))
