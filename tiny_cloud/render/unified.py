"""A plan as a unified diff: what is there against what is declared, a document a thing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from tiny_cloud import schema
from tiny_cloud.model import Action, Address, Change, Plan, State
from tiny_cloud.render import yaml
from tiny_cloud.render.text import one_line
from tiny_cloud.resource import Resource

NOWHERE = "/dev/null"
"""In the place of what is not there, as diff(1) and git have it."""
STYLES = {"---": "bold", "+++": "bold", "@@": "cyan", "-": "red", "+": "green"}


def show(console: Console, plan: Plan, resources: Mapping[Address, Resource]) -> None:
    for change in plan.changes:
        for line in lines(change, resources.get(change.address)):
            style = next((style for mark, style in STYLES.items() if line.startswith(mark)), "")
            console.print(Text(one_line(line), style=style))


def lines(change: Change, resource: Resource | None) -> Iterator[str]:
    """``resource``: as it is declared; None: it is not."""
    name = str(change.address)
    old, new = sides(change, resource)
    source = f"  ({change.span})" if change.span else ""
    yield from difflib.unified_diff(
        _text(change.address, old), _text(change.address, new),
        NOWHERE if old is None else f"host/{name}",
        NOWHERE if new is None else f"manifests/{name}{source}", lineterm="")


def sides(change: Change, resource: Resource | None) -> tuple[State | None, State | None]:
    """The declared fields as they are and as they shall be; None: it is not there. What a new one
    alone would get otherwise (create-only fields) is the same on both."""
    seen = change.observed.fields if change.observed else {}
    declared = resource.desired() if resource else {}
    if change.action is Action.DELETE:
        known = declared or (change.observed.declared if change.observed else None) or {}
        return {name: seen.get(name, value) for name, value in known.items()}, None
    if change.action is Action.CREATE:
        return None, declared
    same = {name: seen.get(name, value) for name, value in declared.items()}
    old = {**same, **{diff.field: diff.old for diff in change.diffs}}
    new = {**same, **{diff.field: diff.new for diff in change.diffs}}
    return _there(old), _there(new)


def _there(fields: State) -> State:
    return {name: value for name, value in fields.items() if value is not None}


def _text(address: Address, fields: State | None) -> list[str]:
    if fields is None:
        return []
    kind = Resource.registry[address.kind].KIND if address.kind in Resource.registry else ""
    head = {"kind": kind, "metadata": {"name": address.name}}
    spec = schema.nested(kind, fields) if kind else dict(fields)
    return yaml.dumps({**head, "spec": spec}).splitlines()
