"""Many machines: what is asked of each grows with their number, not with its square."""

from __future__ import annotations

import pytest

from tests.unit.cloud import carry_out, fake_host, load, plan_for, plan_loaded
from tiny_cloud.kinds.virtual_machine import VirtualMachine

NET = """
kind: Network
metadata: {name: inner}
spec: {subnet: 10.44.0.0/16, dhcp: {from: 10.44.9.1, to: 10.44.9.200}}
"""


def machine(number: int) -> str:
    return f"""
kind: VirtualMachine
metadata: {{name: m{number}}}
spec:
  cpus: 1
  memory: 64MiB
  interfaces: [{{name: eth0, network: inner, address: 10.44.0.{number + 10}}}]
"""


def asked(monkeypatch: pytest.MonkeyPatch, machines: int) -> int:
    """How often machines say what they provide while they join a network that is there."""
    host = fake_host()
    carry_out(host, plan_for(host, NET, machine(0)))
    found = load(NET, *map(machine, range(machines)), host=host)
    calls = 0
    provides = VirtualMachine.provides

    def counting(self: VirtualMachine) -> object:
        nonlocal calls
        calls += 1
        return provides(self)

    with monkeypatch.context() as patched:
        patched.setattr(VirtualMachine, "provides", counting)
        changes = plan_loaded(host, found).changes
    assert len(changes) == machines
    return calls


def test_a_network_asks_each_machine_on_it_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, 40) < 3 * asked(monkeypatch, 20)
