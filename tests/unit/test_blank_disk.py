"""A machine whose first disk is blank: there is no system yet that anything could be told."""

from __future__ import annotations

import pytest

from tests.unit.cloud import brief, fake_host, plan_for, settle
from tiny_cloud.errors import Problems

NET = """
kind: Network
metadata: {name: inner}
spec: {subnet: 10.44.0.0/24, dhcp: {from: 10.44.0.100, to: 10.44.0.200}}
"""
BOX = """
kind: VirtualMachine
metadata: {name: box}
spec:
  cpus: 1
  memory: 64MiB
  disks: [{name: root, size: 1GiB}]
  interfaces: [{name: eth0, network: inner, address: 10.44.0.10}]
"""


def test_its_address_is_for_the_network_alone() -> None:
    plan = settle(fake_host(), NET, BOX)
    assert brief(plan) == ["+ network/inner", "+ disk/box-root", "+ virtualmachine/box"]
    (network,) = [change for change in plan.changes if change.address.kind == "network"]
    assert [diff.new for diff in network.diffs if diff.field.startswith("reservations")] == [
        "10.44.0.10 box"]


@pytest.mark.parametrize("inside", ["guest: {hostname: box}", "guest: {}"])
def test_what_is_to_be_written_into_it_is_refused_before_anything_is_begun(inside: str) -> None:
    with pytest.raises(Problems, match="guest/box is written into disk/box-root, which is blank"):
        plan_for(fake_host(), NET, f"{BOX}  {inside}")
