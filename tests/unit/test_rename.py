"""``metadata.renamedFrom``: everything gets the new name in place, whatever is cut off where."""

from __future__ import annotations

import re

import pytest

from tests.fake.host import FakeHost
from tests.unit.cloud import (
    IMAGE,
    STORAGE,
    brief,
    carry_out,
    destroy_for,
    fake_host,
    load,
    plan_for,
    settle,
)
from tiny_cloud.errors import Problems
from tiny_cloud.model import Address, Plan
from tiny_cloud.steps import RenameDomain, WriteRecord

MACHINE = """
kind: VirtualMachine
metadata: {{{metadata}}}
spec:
  cpus: {cpus}
  memory: 512MiB
  running: {running}
  disks:
    - {{name: root, image: {image}, size: 4GiB}}
    - {{name: data, size: 1GiB, format: raw}}
  interfaces:
    - {{name: eth0, user: {{}}, address: 10.0.2.15/24}}
  guest:
    hostname: {hostname}
    users: {{root: {{password: {{env: PASSWORD}}}}}}
"""


def machine(metadata: str, **words: str) -> str:
    shape = {"cpus": "1", "running": "false", "image": "debian", "hostname": "web", **words}
    return MACHINE.format(metadata=metadata, **shape)


OLD, NEW, LATER = machine("name: www"), machine("name: web, renamedFrom: www"), machine("name: web")


def applied(*documents: str) -> FakeHost:
    host = fake_host()
    settle(host, IMAGE, *(documents or (OLD,)))
    return host


def identity(host: FakeHost) -> tuple[object, ...]:
    """What a guest would notice: UUID, MACs, the very disks."""
    (facts,) = host.domain.values()
    macs = re.findall("mac address=[\"'](.*?)[\"']|mac=([0-9a-f:]{17})", facts.xml)
    inodes = {p.rpartition("-")[2]: f.inode for p, f in host.file.items() if "/disks/" in p}
    return facts.uuid, macs, inodes


def test_a_machine_and_all_that_is_its_own() -> None:
    host = applied()
    before = identity(host)
    plan = settle(host, IMAGE, NEW)
    assert brief(plan) == [
        "~ disk/web-root", "~ disk/web-data", "~ guest/web", "~ virtualmachine/web"]
    assert [str(change.former) for change in plan.changes] == [
        "disk/www-root", "disk/www-data", "guest/www", "virtualmachine/www"]
    assert all(change.diffs == () for change in plan.changes)
    assert identity(host) == before
    assert list(host.domain) == ["lab-web"]
    assert not [name for name in (*host.file, *map(str, host.record)) if "www" in name]
    assert "www" not in str(host.record) + host.domain["lab-web"].xml


def test_it_stays_who_it_is_when_the_old_name_is_forgotten() -> None:
    host = applied()
    before = identity(host)
    settle(host, IMAGE, NEW)
    assert brief(plan_for(host, IMAGE, LATER)) == []
    settle(host, IMAGE, machine("name: web", cpus="2"))
    assert identity(host) == before
    settle(host, IMAGE, machine("name: site, renamedFrom: web", cpus="2"))
    assert identity(host) == before


def test_another_may_have_the_old_name() -> None:
    host = applied()
    settle(host, IMAGE, NEW)
    first = identity(host)
    settle(host, IMAGE, LATER, OLD)
    assert set(host.domain) == {"lab-web", "lab-www"}
    assert host.domain["lab-web"].uuid != host.domain["lab-www"].uuid
    macs = [re.findall("52:54:00:[0-9a-f:]{8}", facts.xml) for facts in host.domain.values()]
    assert set(macs[0]).isdisjoint(macs[1])
    del host.domain["lab-www"]
    assert identity(host)[:2] == first[:2]


def test_nothing_of_it_is_pruned_on_the_way() -> None:
    host = applied()
    plan = plan_for(host, IMAGE, NEW, prune=True, delete_data=("*",))
    assert {change.action.name for change in plan.changes} == {"UPDATE"}
    assert plan_for(host, IMAGE, NEW).notes == ()


def test_while_it_runs_it_takes_a_restart() -> None:
    host = applied(machine("name: www", running="true"))
    before, wanted = identity(host), machine("name: web, renamedFrom: www", running="true")
    plan = plan_for(host, IMAGE, wanted)
    blocked = {str(change.address): change.allow for change in plan.blocked}
    assert blocked.keys() == {"disk/web-root", "disk/web-data", "guest/web", "virtualmachine/web"}
    assert blocked["virtualmachine/web"] == "--restart virtualmachine/web"
    assert plan.tasks == ()
    settle(host, IMAGE, wanted, restart=("virtualmachine/web",))
    assert identity(host) == before and host.domain["lab-web"].live_xml


def test_one_that_shall_stop_anyway_needs_no_consent() -> None:
    host = applied(machine("name: www", running="true"))
    settle(host, IMAGE, NEW)
    assert not host.domain["lab-web"].live_xml


def test_together_with_other_changes() -> None:
    host = applied()
    before = identity(host)
    wanted = machine("name: web, renamedFrom: www", cpus="4", hostname="site")
    plan = settle(host, IMAGE, wanted)
    assert [diff.field for change in plan.changes for diff in change.diffs] == ["hostname", "cpus"]
    assert identity(host) == before
    assert host.record[Address("guest", "web")]["fields"]["hostname"] == "site"
    assert brief(plan_for(host, IMAGE, machine("name: web", cpus="4", hostname="site"))) == []


def test_cut_off_after_every_step_the_next_apply_ends_it() -> None:
    steps = 0
    while True:
        host = applied(machine("name: www", running="true"))
        before = identity(host)
        wanted = machine("name: web, renamedFrom: www", running="true", hostname="new")
        last = len(host.performed) + steps
        plan = plan_for(host, IMAGE, wanted, restart=("*",))
        host.fails = lambda step, host=host, last=last: len(host.performed) >= last
        done = not any(event.what == "failed" for event in carry_out(host, plan))
        host.fails = lambda step: False
        settle(host, IMAGE, wanted, restart=("*",))
        assert identity(host) == before, f"after {steps} steps"
        assert not [name for name in (*host.file, *map(str, host.record)) if "www" in name]
        if done:
            break
        steps += 1
    assert steps > 15


@pytest.mark.parametrize("kept", ["virtualmachine/www", "guest/www", "disk/www-root"])
def test_a_record_that_was_lost_is_no_reason_to_lose_more(kept: str) -> None:
    """The stamps say enough; only of a guest nobody knows what was written."""
    host = applied()
    before = identity(host)
    del host.record[Address.parse(kept)]
    plan = plan_for(host, IMAGE, NEW)
    if kept == "guest/www":
        assert "~ guest/web !" in brief(plan)
        return
    settle(host, IMAGE, NEW)
    assert identity(host)[2] == before[2]


def test_both_names_are_taken() -> None:
    host = applied(OLD, LATER)
    plan = plan_for(host, IMAGE, NEW, prune=True, delete_data=("*",))
    assert all(change.blocked for change in plan.changes)
    said = {str(change.address): change.blocked for change in plan.blocked}
    assert said["virtualmachine/web"] == (
        "it is renamed from virtualmachine/www, and there is a domain lab-www as well")
    assert "disk/www-root is there as well" in said["disk/web-root"]


def test_nothing_is_there_under_either_name() -> None:
    host = fake_host()
    settle(host, IMAGE, NEW)
    assert list(host.domain) == ["lab-web"]
    assert f"{STORAGE}/disks/web-root.qcow2" in host.file


def test_the_old_one_is_somebody_elses() -> None:
    host = applied()
    for file in host.file.values():
        if file.stamp and "disk" in file.stamp["address"]:
            file.stamp = {**file.stamp, "cloud": "other"}
    plan = plan_for(host, IMAGE, NEW)
    assert "+ disk/web-root" in brief(plan)
    assert not any("www-root" in step.shell() for step in steps_of(plan) if "mv" in step.shell())


def steps_of(plan: Plan) -> list[object]:
    return [step for task in plan.tasks for step in task.steps]


def test_a_disk_of_its_own_document_below_a_machine_that_keeps_its_name() -> None:
    disk = "kind: Disk\nmetadata: {name: %s}\nspec: {size: 1GiB}"
    user = """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 64MiB, disks: [{name: data, disk: %s}]}
    """
    host = fake_host()
    settle(host, disk % "old", user % "old")
    wanted = (disk % "new, renamedFrom: old", user % "new")
    plan = plan_for(host, *wanted)
    assert brief(plan) == ["~ disk/new !"]
    assert plan.blocked[0].allow == "--restart virtualmachine/web"
    plan = settle(host, *wanted, restart=("vm", "virtualmachine/web"))
    assert brief(plan) == ["~ disk/new", "~ virtualmachine/web"]
    assert plan.changes[1].because[0] == "disk/new is renamed"
    assert f"{STORAGE}/disks/new.qcow2" in host.domain["lab-web"].live_xml


def test_an_image_keeps_its_files() -> None:
    """Disks name them: so renaming costs nothing, and nobody has to stop."""
    host = applied(machine("name: www", running="true"))
    files = set(host.file)
    renamed = IMAGE.replace("name: debian", "name: debian-12, renamedFrom: debian")
    wanted = machine("name: www", running="true", image="debian-12")
    plan = settle(host, renamed, wanted)
    assert brief(plan) == ["~ image/debian-12"]
    assert set(host.file) == files
    later = IMAGE.replace("name: debian", "name: debian-12")
    assert plan_for(host, later, wanted).changes == () and plan_for(host, later, wanted).notes == ()
    (image,) = [f for f in host.file.values() if f.stamp and "image" in f.stamp["address"]]
    assert image.stamp and image.stamp["address"] == "image/debian-12"
    newer = later.replace("bookworm", "trixie")
    plan = settle(host, newer, wanted)
    assert brief(plan) == ["+ image/debian-12"]
    assert [str(note.text)[:31] for note in plan.notes] == ["stands on an older version of i"]


def test_destroy_before_it_was_renamed() -> None:
    host = applied()
    plan = destroy_for(host, IMAGE, NEW, delete_data=("*",))
    carry_out(host, plan)
    assert host.domain == {} and host.record == {}
    assert all("/trash/" in path for path in host.file)


def test_protection_holds_under_the_new_name() -> None:
    host = applied(machine("name: www, annotations: {tinycloud/protect: 'true'}"))
    plan = destroy_for(host, IMAGE, NEW, delete_data=("*",))
    assert "- virtualmachine/web !" in brief(plan)


@pytest.mark.parametrize(("documents", "words"), [
    ((OLD, NEW), "virtualmachine/web is renamed from virtualmachine/www, which is declared too"),
    ((NEW, machine("name: site, renamedFrom: www")),
     "virtualmachine/site is renamed from www, and so is virtualmachine/web"),
])
def test_a_name_is_left_once_and_by_one(documents: tuple[str, ...], words: str) -> None:
    with pytest.raises(Problems) as error:
        load(IMAGE, *documents)
    assert words in str(error.value)


def test_the_new_name_is_said_last_in_the_records_and_first_by_libvirt() -> None:
    """Whatever is cut off, the old record is there until the new one is."""
    plan = plan_for(applied(), IMAGE, NEW)
    (steps,) = [c.up for c in plan.changes if c.address == Address("virtualmachine", "web")]
    names = [type(step) for step in steps]
    assert names.index(RenameDomain) < names.index(WriteRecord)
