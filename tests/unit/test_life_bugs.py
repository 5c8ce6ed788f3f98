"""What random lives on real libvirt (``tests/integration/test_life.py``) brought to light."""

from __future__ import annotations

import pytest

from tests.unit.cloud import brief, fake_host, plan_for, settle
from tiny_cloud.steps import DetachDevice, Shutdown

MACHINE = """
kind: VirtualMachine
metadata: {{name: {name}}}
spec: {{cpus: 1, memory: 64MiB, {rest}}}
"""


def machine(name: str, rest: str) -> str:
    return MACHINE.format(name=name, rest=rest)


def test_a_guest_that_goes_off_is_not_asked_to_let_go_of_a_disk_before() -> None:
    host = fake_host()
    settle(host, machine("web", "disks: [{name: data, size: 1MiB}]"))
    wanted = settle(host, machine("web", "running: false, disks: []"))
    (change,) = (item for item in wanted.changes if item.address.kind == "virtualmachine")
    assert [type(step) for step in change.up if isinstance(step, DetachDevice | Shutdown)] == [
        Shutdown]


@pytest.mark.parametrize("bus", ["virtio", "sata"])
@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("rest", ["running: false, disks: []", "disks: []"])
def test_a_disk_moves_once_it_is_free(bus: str, turn: int, rest: str) -> None:
    """Whatever the bus and the order in the manifests."""
    disk = "kind: Disk\nmetadata: {name: one}\nspec: {size: 1MiB}"
    item = f"disks: [{{name: data, disk: one, bus: {bus}}}]"
    host = fake_host()
    settle(host, disk, machine("old", item), machine("new", "disks: []"))
    if "running" in rest:
        after = [machine("old", rest), machine("new", item.replace(bus, "virtio"))]
        settle(host, disk, *after[::turn])
    else:
        after = [machine("old", rest), machine("new", item)]
        settle(host, disk, *after[::turn], restart=("virtualmachine/*",))


def test_a_disk_that_is_not_free_before_a_restart_holds_back_who_takes_it() -> None:
    host = fake_host()
    disk = "kind: Disk\nmetadata: {name: one}\nspec: {size: 1MiB}"
    item = "disks: [{name: data, disk: one, bus: sata}]"
    settle(host, disk, machine("old", item), machine("new", "disks: []"))
    after = [disk, machine("old", "disks: []"),
             machine("new", "disks: [{name: data, disk: one, bus: virtio}]")]
    wanted = plan_for(host, *after)
    assert brief(wanted) == ["~ virtualmachine/old", "~ virtualmachine/new !"]
    assert wanted.blocked[0].allow == "--restart virtualmachine/old"
    settle(host, *after, restart=("virtualmachine/old",))


def test_a_disk_of_a_machine_that_is_no_longer_declared_is_free_once_that_is_gone() -> None:
    host = fake_host()
    disk = "kind: Disk\nmetadata: {name: one}\nspec: {size: 1MiB}"
    item = "disks: [{name: data, disk: one}]"
    settle(host, disk, machine("old", item), machine("new", "disks: []"))
    wanted = plan_for(host, disk, machine("new", item))
    assert [change.blocked for change in wanted.changes] == [
        "disk/one is in use by the running domain lab-old"]
    settle(host, disk, machine("new", item), prune=True)
