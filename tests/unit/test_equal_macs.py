"""Two cards for which the same MAC was derived: with many machines that happens."""

from __future__ import annotations

import pytest

from tests.unit.cloud import load
from tiny_cloud.errors import Problems
from tiny_cloud.machines import identity

ONE, TWO = (f"""
kind: VirtualMachine
metadata: {{name: {name}}}
spec: {{cpus: 1, memory: 64MiB, interfaces: [{{name: eth0, user: {{}}}}]}}
""" for name in ("one", "two"))


def test_that_is_said_before_they_meet_on_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "derive_mac", lambda *_: "52:54:00:00:00:01")
    with pytest.raises(Problems) as caught:
        load(ONE, TWO)
    assert [problem.summary for problem in caught.value.problems] == [
        "virtualmachine/two has the mac 52:54:00:00:00:01, and so has virtualmachine/one"]
