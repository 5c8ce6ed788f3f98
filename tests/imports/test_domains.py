"""Definitions that other tools wrote: each becomes a manifest whose plan, adopted, is empty."""

from __future__ import annotations

import pytest

from tests.fake.host import FakeHost
from tests.imports.differences import differences
from tests.imports.hosts import DOMAINS, definition, host_with
from tests.unit.cloud import carry_out, plan_for
from tiny_cloud.foreign import machines
from tiny_cloud.foreign.stores import Stores
from tiny_cloud.writing import text

NAMES = sorted(path.stem for path in DOMAINS.glob("*.xml"))
SAID = {f"graphics.{kind}.listen": "127.0.0.1" for kind in ("vnc", "spice")}
"""Where a definition leaves it to libvirt's configuration: an open door is not left to chance."""
BY_LIBVIRT = {"- /devices[0]/graphics[0]/@port=-1"}
"""What libvirt itself writes again: the port of a screen that has none yet."""


def imported(host: FakeHost, name: str, cloud: str = "lab") -> list[str]:
    found = machines.found(host.domain[name], Stores(host, cloud), set(), {})
    return [text(one.document) for one in (*found.needs, found)]


@pytest.mark.parametrize("name", NAMES)
def test_it_comes_back_as_it_was(name: str) -> None:
    host = host_with(definition(name))
    called, before = next(iter(host.domain)), definition(name)
    documents = [item.removeprefix("apiVersion: tinycloud/v1\n") for item in imported(host, called)]
    wanted = plan_for(host, *documents, adopt=("*",))
    (change,) = wanted.changes
    assert change.blocked == ""
    assert {diff.field: diff.new for diff in change.diffs}.items() <= SAID.items()
    assert wanted.notes == ()
    assert [e for e in carry_out(host, wanted) if e.what in ("failed", "skipped")] == []
    again = plan_for(host, *documents)
    assert (again.changes, again.notes) == ((), ())
    after = host.domain[called].xml
    # The test driver leaves out what every definition for qemu says; a take-over writes it.
    assert "<domain type='test'" in before or set(differences(before, after)) <= BY_LIBVIRT
