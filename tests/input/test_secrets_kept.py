"""Every field that a secret can come to: planned, shown, saved, carried out and recorded, and the
secret is in none of it (goal 15). What programs are told: tests/integration/test_secrets.py."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from rich.console import Console

from tests.fake.host import FakeHost
from tests.goals import scaled, seen
from tests.input.fields import ANY, ITEM, Field, Path
from tests.input.test_generated import load
from tests.unit.cloud import carry_out, fake_host, plan_loaded
from tiny_cloud.errors import Problems
from tiny_cloud.essence import essence
from tiny_cloud.render import json as as_json
from tiny_cloud.render import text
from tiny_cloud.render.live import Live
from tiny_cloud.schema.files import Node, kinds, schema_of

CANARY = "canary-of-every-kind"
SOURCES: dict[str, Any] = {"env": "CANARY", "file": "CANARY", "command": ["CANARY"]}


def secrets() -> Iterator[tuple[str, Path]]:
    for kind in kinds():
        for path in _below(schema_of(kind), ()):
            yield kind, path


def _below(node: Node, path: Path) -> Iterator[Path]:
    if "x-secret" in node:
        yield path
        return
    for key, known in node.get("properties", {}).items():
        yield from _below(known, (*path, key))
    for key, more in ((ANY, node.get("additionalProperties")), (ITEM, node.get("items"))):
        if isinstance(more, dict):
            yield from _below(more, (*path, key))


def everything(host: FakeHost, documents: list[Any]) -> str:
    """All that is said and kept of a plan, of carrying it out, and of the plan after it."""
    said = io.StringIO()
    for _ in range(2):
        manifest = "\n---\n".join(map(json.dumps, documents))
        plan = plan_loaded(host, load(manifest, host))
        console = Console(file=said, width=200, soft_wrap=True)
        text.show_plan(console, plan, commands=True)
        said.write(as_json.dumps(plan))
        said.write(json.dumps(essence(plan), default=str))
        follower = Live(console, plan)
        for event in carry_out(host, plan):
            said.write(as_json.event_line(event))
            follower.show(event)
    kept = {"records": {str(key): value for key, value in host.record.items()},
            "domains": {name: msgspec.to_builtins(facts) for name, facts in host.domain.items()},
            "stamps": {name: file.stamp for name, file in host.file.items()}}
    # In the place of a crypt hash, where there is no libcrypt.
    return (said.getvalue() + json.dumps(kept, default=str)).replace(f"hash of {CANARY}", "")


@pytest.mark.goal(15)
@pytest.mark.parametrize("source", list(SOURCES)[:scaled(1, 3)])
def test_no_field_keeps_its_secret(source: str) -> None:
    fields = [Field(kind, path) for kind, path in secrets()]
    shown = 0
    for field in fields:
        host = fake_host()
        host.secret = dict.fromkeys(("CANARY", "/CANARY"), CANARY)
        try:
            told = everything(host, field.holding({source: SOURCES[source]}))
        except Problems:
            continue  # it goes with something else than the examples have
        assert "CANARY" in told and CANARY not in told, field.name
        shown += 1
    assert shown > len(fields) // 2
    seen(15, f"fields that a secret can come to, from {source}: plans, events, records, domains",
         shown)
