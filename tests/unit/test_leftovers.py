"""What killed runs leave is named, and goes: nobody's data with it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress

import pytest
from msgspec.structs import replace

from tests import goals
from tests.fake.host import FakeHost
from tests.unit.cloud import (
    IMAGE,
    STORAGE,
    WEB,
    carry_out,
    context,
    fake_host,
    load,
    plan_for,
    settle,
)
from tiny_cloud import linking, probe
from tiny_cloud.errands import leftovers
from tiny_cloud.errands.leftovers import BEFORE_EDIT, FINISHES, Leftover
from tiny_cloud.facts import SecretFacts
from tiny_cloud.model import Address, Plan
from tiny_cloud.steps import RemoveVolume, Run, Step, Trash, UndefineSecret

SCRATCH = """
kind: Disk
metadata: {name: data}
spec: {size: 1GiB}
"""
ALL = (IMAGE, WEB, SCRATCH)
PART = f"{STORAGE}/disks/data.qcow2.part"


def seen(host: FakeHost, *documents: str) -> tuple[list[Leftover], Plan]:
    """What is left, and the repair."""
    found = load(*documents, host=host)
    about = context(found.cloud, host)
    owned = probe.discover(host, about, found.resources)
    linking.relink([*found.resources, *owned])
    actual = probe.probe(host, [*found.resources, *owned])
    told = (host, about, found.resources, owned, actual)
    return leftovers.leftovers(*told), leftovers.repair(*told)


def names(left: Sequence[Leftover]) -> list[str]:
    return [str(one.address) for one in left]


class Killed(BaseException):
    """No failure that anybody takes back."""


def cut_off(after: int) -> FakeHost:
    """A host on which an apply was killed after so many steps."""
    host = fake_host()

    def kill(step: Step) -> bool:
        if len(host.performed) == after:
            raise Killed
        return False

    host.fails = kill
    with suppress(Killed):
        carry_out(host, plan_for(host, *ALL))
    assert len(host.performed) == after
    host.fails = lambda step: False
    return host


def steps_in_all() -> int:
    return sum(len(task.steps) for task in plan_for(fake_host(), *ALL).tasks)


@pytest.mark.goal(1)
def test_whatever_a_kill_leaves_is_reported_and_goes() -> None:
    """A record whose object was never published goes with its part."""
    count = steps_in_all()
    for after in range(count + 1):
        host = cut_off(after)
        finished = copy.deepcopy(host)
        settle(finished, *ALL)
        assert seen(finished, *ALL)[0] == [], after
        # Or the manifests are gone, and with them whoever would finish it.
        left, repair = seen(host)
        finals = {path for path in host.file if not path.endswith(".part")}
        parts = {path for path in host.file if path.endswith(".part")}
        assert {f"file/{path.removeprefix(STORAGE + '/')}" for path in parts} <= set(names(left))
        assert [event.text for event in carry_out(host, repair) if event.what == "failed"] == []
        assert not [path for path in host.file if path.endswith(".part")]
        assert finals <= set(host.file), "nothing that was finished goes"
        again, repair = seen(host)
        assert repair.changes == (), (after, again)
    goals.seen(1, "leftovers are named and removed (a host in memory)", count + 1)


def test_all_is_well_where_nothing_was_cut_off() -> None:
    host = fake_host()
    settle(host, *ALL)
    assert seen(host, *ALL)[0] == []
    assert seen(host)[0] == [], "what is owned has its records"


def test_what_is_declared_is_left_to_the_next_apply() -> None:
    host = fake_host()
    host._new(PART, "qcow2", 1 << 30)
    (left,), repair = seen(host, SCRATCH)
    assert (left.address, left.remedy, repair.changes) == (Address("disk", "data"), FINISHES, ())
    (left,), repair = seen(host)
    inode = host.file[PART].inode
    assert left.address == Address("file", "disks/data.qcow2.part")
    assert left.steps == (Trash(PART, f"{STORAGE}/trash/data.qcow2.part.{inode}"),)


def test_a_part_that_is_no_file_is_not_followed() -> None:
    host = fake_host()
    tree = f"{STORAGE}/images/x-0.qcow2.part.tree"
    host.folder.add(tree)
    (left,), _ = seen(host)
    assert left.steps == (Run(("rm", "-rf", "--one-file-system", "--", tree)),)


@pytest.mark.parametrize(("running", "encrypted"), [(False, False), (True, False), (False, True)])
def test_the_snapshot_of_a_killed_edit(running: bool, encrypted: bool) -> None:
    host = fake_host()
    settle(host, *ALL)
    path = f"{STORAGE}/disks/web-root.qcow2"
    disk = host.file[path]
    facts = replace(disk.facts, snapshots=("mine", BEFORE_EDIT),
                    encryption="luks" if encrypted else "")
    host.file[path] = replace(disk, facts=facts)
    if not running:
        host.domain = {name: replace(one, live_xml="") for name, one in host.domain.items()}
    left = next(one for one in seen(host, *ALL)[0] if one.address == Address("disk", "web-root"))
    if running or encrypted:
        assert left.steps == () and "the next edit of its guest removes it" in left.remedy
    else:
        assert left.steps == (Run((
            "qemu-img", "snapshot", "-q", "-d", BEFORE_EDIT, "--image-opts",
            f"driver=qcow2,file.driver=file,file.filename={path}")),)


def test_a_record_without_its_thing() -> None:
    host = fake_host()
    settle(host, SCRATCH)
    del host.file[f"{STORAGE}/disks/data.qcow2"]
    assert seen(host, SCRATCH)[0] == [], "the next apply makes it again"
    left, repair = seen(host)
    assert names(left) == ["disk/data"]
    carry_out(host, repair)
    assert host.record == {} and seen(host)[0] == []


def test_what_only_a_stamp_knows_is_named_and_stays() -> None:
    host = fake_host()
    settle(host, *ALL)
    host.record.clear()
    left, repair = seen(host)
    assert {"disk/data", "disk/web-root"} == set(names(left)), "machines are found without records"
    assert repair.changes == () and all("--adopt" in one.remedy for one in left)


def test_a_secret_goes_only_when_its_disk_has_gone() -> None:
    host = fake_host()
    settle(host, SCRATCH)
    host.record.clear()
    for owner in ("disk/data", "disk/gone"):
        uuid = f"uuid of {owner}"
        host.libvirt_secret[uuid] = SecretFacts(uuid, f"tinycloud lab {owner} encryption.secret")
    host.libvirt_secret["other"] = SecretFacts("other", "tinycloud other disk/gone x")
    host.libvirt_secret["hand"] = SecretFacts("hand", "my own")
    _, repair = seen(host)
    (change,) = repair.changes
    assert change.down == (UndefineSecret("uuid of disk/gone"),)


def test_volumes_that_were_not_finished() -> None:
    host = fake_host()
    volume = """
    kind: LogicalVolume
    metadata: {name: data}
    spec: {volumeGroup: vg0, size: 1GiB}
    """
    settle(host, volume)
    (facts,) = host.volume.values()
    tags = frozenset({"tinycloud=lab/logicalvolume/lost", "tinycloud.incomplete"})
    lost = replace(facts, name="lost", uuid="u2", tags=tags)
    theirs = replace(lost, name="theirs", uuid="u3",
                     tags=frozenset({"tinycloud=other/logicalvolume/x", "tinycloud.incomplete"}))
    host.volume |= {lost.path: lost, theirs.path: theirs}
    (left,), _ = seen(host, volume)
    assert left.steps == (RemoveVolume(lost.path, "lab"),)
