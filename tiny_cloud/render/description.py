"""Everything that there is to say of one thing, for people: as kubectl describe has it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from tiny_cloud import ordering
from tiny_cloud.history import Told
from tiny_cloud.inventory import Thing
from tiny_cloud.inventory.chains import disks_of
from tiny_cloud.inventory.measures import measures, virtual_size
from tiny_cloud.model import Address, Impact, Unknown
from tiny_cloud.render import history, listing, tables
from tiny_cloud.render.text import one_line, words
from tiny_cloud.sizes import about, format_size
from tiny_cloud.snapshots import standing

WIDTH = 16
"""Columns of a label with its colon."""
Things = Mapping[Address, Thing]


def show(console: Console, thing: Thing, everything: Things, runs: Sequence[Told]) -> None:
    for label, value in _facts(thing):
        style = listing.STYLES.get(value, "") if label == "Status" else ""
        console.print(Text().append(f"{label}:".ljust(WIDTH), style="bold")
                      .append(one_line(value), style=style))
    _fields(console, thing)
    _disks(console, thing, everything)
    _addresses(console, thing)
    _snapshots(console, thing)
    if thing.action is not None:
        _list(console, f"A plan would {thing.action.name.lower()} it", list(_changes(thing)))
    _list(console, "Notes", thing.notes)
    if runs:
        console.print(Text("Last changes:", style="bold"))
        history.show(console, runs, indent=2)


def _facts(thing: Thing) -> Iterator[tuple[str, str]]:
    resource, seen, told = thing.resource, thing.observed, measures(thing)
    yield "Name", resource.address.name
    yield "Kind", resource.KIND
    yield "Declared", str(resource.span or "nowhere")
    for label, mapping in (("Labels", "labels"), ("Annotations", "annotations")):
        if pairs := resource.metadata.get(mapping):
            yield label, ", ".join(f"{key}={value}" for key, value in pairs.items())
    yield "Status", str(thing.status)
    if isinstance(thing.seen, Unknown):
        yield "Reason", thing.seen.reason
    for label, key in (("State", "state"), ("Domain", "domain"), ("UUID", "uuid"),
                       ("Network", "network"), ("Bridge", "bridge"), ("Path", "path")):
        if key in told:
            yield label, str(told[key])
    if needs := ordering.ordered_links(resource):
        yield "Stands on", ", ".join(map(str, needs))
    above = [str(address) for address, other in resource.referrers.items()
             if resource.address in ordering.ordered_links(other)]
    if above := list(dict.fromkeys([*told.get("standingOn", ()), *above])):
        yield "Needed by", ", ".join(above)
    if used := told.get("usedBy"):
        yield "Used by", ", ".join(used)
    if seen and seen.pending:
        yield "At next boot", ", ".join(seen.pending)
    if seen and seen.held:
        yield "Held", seen.held


def _fields(console: Console, thing: Thing) -> None:
    kind, declared = thing.resource.address.kind, thing.resource.desired()
    now = thing.observed.fields if thing.observed else {}
    changing = {diff.field: diff for diff in thing.diffs}
    rows = []
    for field in dict.fromkeys((*declared, *changing)):
        diff = changing.get(field)
        actual = diff.old if diff else now.get(field)
        there = words(kind, field, actual) if thing.observed else listing.NOTHING
        # What a plan would not change differs and may: it counts for a new one only.
        mark = "differs" if diff else ""
        rows.append((field, words(kind, field, declared.get(field)), there, mark))
    if rows:
        tables.show(console, ("FIELD", "DECLARED", "ACTUAL", ""), rows,
                    styles={3: {"differs": "yellow"}}, indent=2, title="Fields:")


def _disks(console: Console, thing: Thing, everything: Things) -> None:
    """With what each stands on; the files of an image are few."""
    own = [("", thing)] if thing.chain else []
    below = [(name, everything[address]) for name, address in disks_of(thing.resource)
             if address in everything]
    rows = [row for name, disk in own or below for row in _chain(name, disk)]
    if rows:
        head = ("DISK", "FROM THE TOP", "SIZE", "DECLARED", "ON HOST", "FORMAT", "PATH")
        first = 0 if below else 1
        tables.show(console, head[first:], (row[first:] for row in rows), indent=2,
                    title="Disks:" if below else "Files:")


def _chain(name: str, disk: Thing) -> Iterator[tuple[str, ...]]:
    """A row a layer, the disk's own with the sizes that are declared and that its user sees."""
    address = str(disk.resource.address)
    size = disk.resource.desired().get("size")
    declared = words(disk.resource.address.kind, "size", size) if size else listing.NOTHING
    storage = f"{disk.resource.context.cloud.storage}/"
    if not disk.chain:
        yield name, address, str(disk.status), declared, *[listing.NOTHING] * 3
    for place, layer in enumerate(disk.chain):
        mine = layer.owner == address
        real = virtual_size(disk) if mine else layer.virtual_size
        yield (name if not place else "",
               "   " * (place - 1) + "└─ " * bool(place) + (layer.owner or "somebody else's"),
               format_size(real) if isinstance(real, int) and real else str(real or "?"),
               declared if mine else listing.NOTHING,
               about(layer.actual_size) if layer.virtual_size else "?", layer.format,
               layer.path.removeprefix(storage))


def _addresses(console: Console, thing: Thing) -> None:
    if found := measures(thing).get("addresses"):
        tables.show(console, ("CARD", "ADDRESS"),
                    [(one["interface"], one["address"]) for one in found], indent=2,
                    title="Addresses:")


def _snapshots(console: Console, thing: Thing) -> None:
    found = standing.snapshots(thing.observed) if thing.observed else ()
    if found:
        tables.show(console, ("NAME", "CREATED", "KIND", "STATE"), [
            (one.name, _time(one.created), "external" if one.overlays else "internal", one.state)
            for one in found], indent=2, title="Snapshots:")


def _time(created: int) -> str:
    return datetime.datetime.fromtimestamp(created).strftime("%Y-%m-%d %H:%M:%S")


def _changes(thing: Thing) -> Iterator[str]:
    kind = thing.resource.address.kind
    for diff in thing.diffs:
        old, new = (words(kind, diff.field, value) for value in (diff.old, diff.new))
        impact = f"  [{diff.impact.value}]" if diff.impact is not Impact.NONE else ""
        yield f"{diff.field}: {old} → {new}{impact}"
    if thing.why:
        yield f"blocked: {thing.why}" + (f"; to allow it: {thing.remedy}" if thing.remedy else "")


def _list(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(Text(f"{title}:", style="bold"))
    for line in lines:
        console.print(Text(f"  {one_line(line)}"))
