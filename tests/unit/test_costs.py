"""What work costs, counted and never timed: nothing grows faster than what is declared."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.fake.host import FakeHost
from tests.unit.cloud import CLOUD, digest, fake_host
from tiny_cloud import loader, plan, probe
from tiny_cloud.apply import apply
from tiny_cloud.model import Address, Cloud, Plan
from tiny_cloud.resource import Context

FEW = 10
MACHINE = """---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: m{number:04}}}
spec:
  cpus: 1
  memory: 64MiB
  disks: [{{name: root, image: base, size: 4GiB}}]
  interfaces: [{{name: eth0, network: lan}}]
"""
AROUND = """---
apiVersion: tinycloud/v1
kind: Image
metadata: {name: base}
spec: {source: {path: /srv/base.img}}
---
apiVersion: tinycloud/v1
kind: Network
metadata: {name: lan}
spec: {forward: isolated, subnet: 10.9.0.0/16, dhcp: {from: 10.9.0.10, to: 10.9.255.250}}
"""


def load(machines: int, host: FakeHost) -> loader.Loaded:
    text = "".join([f"apiVersion: tinycloud/v1{CLOUD}", AROUND,
                    *(MACHINE.format(number=number) for number in range(machines))])

    @cache
    def owners() -> dict[str, Address]:
        return {record["uuid"]: address for address, record in host.record.items()
                if "uuid" in record}

    def context_of(cloud: Cloud) -> Context:
        return Context(cloud, digest, lambda address: host.record.get(address) or {}, owners)

    return loader.load(["-"], stdin=io.StringIO(text), context_of=context_of, root=True,
                       machine_id="")


def planned(found: loader.Loaded, host: FakeHost) -> Plan:
    actual = probe.probe(host, found.resources)
    return plan.plan(found.resources, actual, cloud=found.cloud)


def calls(work: Callable[[], object]) -> int:
    """Of functions, Python's own and those in C."""
    count = 0

    def told(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    # What others left to be collected is none of this work's.
    gc.collect()
    gc.disable()
    sys.setprofile(told)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def loading(machines: int) -> int:
    host = fake_host()
    return calls(lambda: load(machines, host))


def making(machines: int) -> int:
    host = fake_host()
    found = load(machines, host)
    return calls(lambda: planned(found, host))


def looking(machines: int) -> int:
    """With nothing to do."""
    host = fake_host()
    for event in apply(planned(load(machines, host), host), host):
        assert event.what != "failed", event
    found = load(machines, host)
    assert not planned(found, host).changes
    users = host.disk_users()
    host.disk_users = lambda: users  # type: ignore[method-assign]  # as a Snapshot has it
    return calls(lambda: planned(found, host))


@pytest.mark.parametrize("work", [loading, making, looking])
def test_each_further_machine_costs_as_much_as_the_one_before(work: Callable[[int], int]) -> None:
    work(1)  # what is read and compiled once
    few, more, most = (work(FEW * times) for times in (1, 2, 3))
    assert most - more <= 1.01 * (more - few), (few, more, most)


@pytest.mark.parametrize(("work", "most"), [(loading, 2100), (making, 3300), (looking, 4600)])
def test_a_machine_costs_no_more_than_it_did(work: Callable[[int], int], most: int) -> None:
    """``most``: calls for a machine and its disk, a tenth above what they were when this was
    written. Who needs more says here what for."""
    work(1)
    each = (work(2 * FEW) - work(FEW)) / FEW
    assert most / 2 < each <= most, each
