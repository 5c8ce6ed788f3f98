"""What is external is used where it is, and nothing of it is ever made, changed or removed."""

from __future__ import annotations

import pytest

from tests.fake.host import FakeFile, FakeHost
from tests.unit.cloud import brief, destroy_for, fake_host, plan_for, settle
from tiny_cloud.errors import Problems
from tiny_cloud.facts import DomainFacts, ImageFacts
from tiny_cloud.model import Address, Plan

BASE, DEVICE = "/srv/images/base.raw", "/dev/disk/by-id/wwn-1"
IMAGE = f"""
    kind: Image
    metadata: {{name: base}}
    spec: {{external: true, path: {BASE}, format: raw}}
"""
DISK = f"""
    kind: Disk
    metadata: {{name: data}}
    spec: {{external: true, path: {DEVICE}, format: raw, size: 4GiB}}
"""
MACHINE = """
    kind: VirtualMachine
    metadata: {name: web}
    spec:
      cpus: 1
      memory: 64MiB
      disks: [{name: root, image: base}, {name: data, disk: data}]
"""
ALL = (IMAGE, DISK, MACHINE)


def host_with(size: int = 4 << 30) -> FakeHost:
    host = fake_host()
    host.file[BASE] = FakeFile(1, ImageFacts("raw", 1 << 30, 4096))
    host.file[DEVICE] = FakeFile(2, ImageFacts("raw", size, 4096))
    return host


def touched(plan: Plan) -> list[str]:
    steps = [step.shell() for task in plan.tasks for step in task.steps]
    return [line for line in steps if not line.startswith(("virsh define", "qemu-img create"))
            and (BASE in line or DEVICE in line)]


def test_a_machine_on_what_is_not_ours() -> None:
    host = host_with()
    plan = settle(host, *ALL)
    assert brief(plan) == ["+ disk/web-root", "+ virtualmachine/web"]
    assert touched(plan) == []
    xml = host.domain["lab-web"].xml
    assert f'<source dev="{DEVICE}"/>' in xml and 'type="block"' in xml and BASE in xml
    assert {str(address) for address in host.record} == {"disk/web-root", "virtualmachine/web"}
    assert host.file[BASE].stamp is None and host.file[DEVICE].stamp is None


def test_it_outlives_the_cloud() -> None:
    host = host_with()
    settle(host, *ALL)
    plan = destroy_for(host, *ALL, delete_data=("*",))
    assert brief(plan) == ["- virtualmachine/web", "- disk/web-root"]
    assert {str(note.address) for note in plan.notes} == {"disk/data", "image/base"}
    assert touched(plan) == []
    settle(host, IMAGE, DISK)
    assert plan_for(host, prune=True, delete_data=("*",)).changes != ()
    assert touched(plan_for(host, prune=True, delete_data=("*",))) == []


def test_what_differs_is_said_and_stays() -> None:
    host = host_with(size=8 << 30)
    plan = plan_for(host, IMAGE, DISK, adopt=("*",), replace=("*",))
    assert plan.changes == ()
    assert [note.text for note in plan.notes] == [
        "size is 8GiB, and 4GiB is declared; it is external and stays so"]


@pytest.mark.parametrize(("path", "line"), [(BASE, 10), (DEVICE, 15)])
def test_what_is_not_there_is_a_problem_at_its_place(path: str, line: int) -> None:
    host = host_with()
    del host.file[path]
    with pytest.raises(Problems) as error:
        plan_for(host, *ALL)
    assert "is external, and there is no such thing" in str(error.value)
    (problem,) = error.value.problems
    assert problem.span is not None and problem.span.line == line


def test_a_base_that_stands_on_another() -> None:
    host = host_with()
    host.file[BASE] = FakeFile(1, ImageFacts("raw", 1 << 30, 4096, "/srv/other", "raw"))
    plan = plan_for(host, *ALL)
    assert brief(plan) == ["~ image/base !", "+ disk/web-root !", "+ virtualmachine/web !"]


@pytest.mark.parametrize(("path", "below", "blocked"), [
    ("/srv/vm/data.qcow2", "/srv/vm/base.raw", False),
    ("/srv/vm/data.qcow2", "/srv/vm/bases/base.raw", False),
    ("/srv/vm/data.qcow2", "/srv/lab/images/base.raw", False),
    ("/srv/vm/data.qcow2", "/etc/shadow", True),
    ("/srv/vm/data.qcow2", "/srv/vm/../../etc/shadow", True),
    ("/srv/vm/data.qcow2", "/srv/vms/base.raw", True),
    ("/srv/vm/data.qcow2", 'json:{"driver":"nbd"}', True),
    ("/dev/disk", "/dev/sda", True),
    ("/data.qcow2", "/etc/shadow", True),
])
def test_a_disk_from_elsewhere_does_not_choose_any_file_of_this_host(
    path: str, below: str, blocked: bool
) -> None:
    disk = f"""
        kind: Disk
        metadata: {{name: data}}
        spec: {{external: true, path: {path}, format: qcow2}}
    """
    machine = """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 64MiB, disks: [{name: data, disk: data}]}
    """
    host = fake_host()
    host.file[path] = FakeFile(1, ImageFacts("qcow2", 1 << 30, 4096, below, "raw"))
    host.file[below] = FakeFile(2, ImageFacts("raw", 1 << 30, 4096))
    plan = plan_for(host, disk, machine)
    assert bool(plan.blocked) is blocked
    if blocked:
        assert f"stands on {below}, which is neither in its folder nor" in plan.blocked[0].blocked


def test_a_machine_that_somebody_else_made() -> None:
    machine = "kind: VirtualMachine\nmetadata: {name: router}\nspec: {external: true, cpus: 2}"
    host = fake_host()
    with pytest.raises(Problems, match="virtualmachine/router is external"):
        plan_for(host, machine)
    xml = "<domain type='kvm'><name>router</name><uuid>u</uuid><vcpu>4</vcpu><devices/></domain>"
    host.domain["router"] = DomainFacts("router", "u", xml)
    plan = plan_for(host, machine, adopt=("*",), prune=True, restart=("*",))
    assert plan.changes == ()
    assert [note.text for note in plan.notes] == [
        "cpus is 4, and 2 is declared; it is external and stays so"]
    assert destroy_for(host, machine).changes == ()


def test_what_was_ours_once_is_left_where_it_is() -> None:
    host = host_with()
    settle(host, "kind: Disk\nmetadata: {name: data}\nspec: {size: 1GiB}")
    plan = plan_for(host, DISK, prune=True, delete_data=("*",))
    assert plan.changes == () and Address("disk", "data") in host.record
    assert "it was made here before it became external" in plan.notes[0].text
