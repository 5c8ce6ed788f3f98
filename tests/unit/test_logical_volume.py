"""LogicalVolume: what a document may say, whose a volume is, and what fits."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.cloud import IMAGE, brief, carry_out, fake_host, load, plan_for, settle
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.facts import GroupFacts, VolumeFacts
from tiny_cloud.kinds.logical_volume import LogicalVolume
from tiny_cloud.libvirt_xml import chains
from tiny_cloud.model import Address, Unknown
from tiny_cloud.sizes import share_of
from tiny_cloud.volumes import extents, names

MIB, GIB = 1 << 20, 1 << 30
GROUP = GroupFacts("vg0", 4 * MIB, 25600, 25600, devices=2)


def volume(called: str, /, **spec: object) -> str:
    said = json.dumps({"volumeGroup": "vg0", **spec})
    return f"kind: LogicalVolume\nmetadata: {{name: {called}}}\nspec: {said}"


def problems_of(*documents: str) -> list[str]:
    try:
        load(*documents)
    except Problems as error:
        return [str(problem) for problem in error.problems]
    return []


def check(host: FakeHost, *documents: str) -> list[Problem]:
    wanted = [item for item in load(*documents, host=host).resources
              if isinstance(item, LogicalVolume)]
    return list(LogicalVolume.check(host, wanted))


@pytest.mark.parametrize("group, name, says", [
    ("vg0", "web-data", ""),
    ("vg0", "snapshot-1", "begins with snapshot"),
    ("vg0", "pvmove0", "begins with pvmove"),
    ("vg0", "pool_tmeta", "_tmeta"),
    ("vg0", "x.part", "ends with .part"),
    ("v" * 60, "w" * 70, "too long"),
    ("v-" * 20, "w-" * 20, "too long"),  # every hyphen counts twice
])
def test_names_that_lvm_keeps(group: str, name: str, says: str) -> None:
    assert says in names.fault(group, name) and bool(says) == bool(names.fault(group, name))


def test_a_reserved_name_is_refused_at_its_line() -> None:
    said = problems_of(volume("x.part", size="1GiB"))
    assert len(said) == 1 and "<stdin>:9:18: " in said[0] and "choose another name" in said[0]


@pytest.mark.parametrize("text, share", [("20%VG", (20, "VG")), ("100%FREE", (100, "FREE"))])
def test_shares(text: str, share: tuple[int, str]) -> None:
    assert share_of(text) == share


@pytest.mark.parametrize("text", ["0%VG", "101%VG", "20%", "20%PVS", "1.5%VG", "20 %VG"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="20%VG"):
        share_of(text)
    assert any("20%VG" in line for line in problems_of(volume("a", size=text)))


def test_sizes_come_in_whole_extents_rounded_up() -> None:
    assert extents.wanted(5 * MIB, GROUP) == 8 * MIB
    assert extents.wanted("1%VG", GroupFacts("g", 4 * MIB, 150, 150)) == 8 * MIB
    assert extents.part(30, 10 * MIB, GROUP) == 4 * MIB
    assert extents.wanted("30%ORIGIN", GROUP) is extents.wanted("50%FREE", GROUP) is None
    assert extents.wanted(None, GROUP) is None


@pytest.mark.parametrize("spec, says", [
    ({}, "a volume needs a size"),
    ({"size": "1GiB", "type": "striped"}, "says no stripes"),
    ({"size": "1GiB", "type": "thin"}, "in no pool"),
    ({"size": "1GiB", "type": "linear", "thinPool": "pool"}, "in a thin pool and linear"),
    ({"size": "10%VG", "thinPool": "pool"}, "takes no share"),
    ({"size": "10%ORIGIN"}, "no origin"),
    ({"size": "1GiB", "thinPool": "plain"}, "is no thin pool"),
    ({"size": "1GiB", "snapshotOf": "pool"}, "is a thin pool"),
    ({"snapshotOf": "plain"}, "needs room"),
    ({"snapshotOf": "plain", "size": "1GiB", "volumeGroup": "vg1"}, "logicalvolume/plain in vg0"),
    ({"size": "1GiB", "name": "data"}, "only an external volume"),
    ({"external": True}, "known by its group and name"),
])
def test_what_does_not_go_together(spec: dict[str, object], says: str) -> None:
    others = (volume("pool", size="1GiB", type="thin-pool"), volume("plain", size="1GiB"))
    said = problems_of(*others, volume("it", **spec))
    assert len(said) == 1 and says in said[0], said


def test_a_machine_cannot_use_a_pool() -> None:
    machine = """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 64MiB, disks: [{name: a, disk: pool}]}
    """
    (said,) = problems_of(volume("pool", size="1GiB", type="thin-pool"), machine)
    assert "uses logicalvolume/pool, which is a thin pool" in said


def test_one_name_for_a_disk_and_a_volume_is_ambiguous_where_it_is_used() -> None:
    disk = "kind: Disk\nmetadata: {name: data}\nspec: {size: 1GiB}"
    machine = """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 64MiB, disks: [{name: a, disk: data}]}
    """
    (said,) = problems_of(disk, volume("data", size="1GiB"), machine)
    assert "there are disk/data and logicalvolume/data" in said


def test_the_first_that_does_not_fit_is_named() -> None:
    host = fake_host()
    (said,) = check(host, volume("a", size="60%VG"), volume("b", size="30GiB"),
                    volume("c", size="20GiB"))
    assert "logicalvolume/c takes 20.0GiB, and vg0 has 10.0GiB left" in said.summary
    assert said.span is not None and "vgextend vg0" in said.hint
    assert not check(host, volume("a", size="60%VG"), volume("b", size="40GiB"))


def test_what_is_there_counts_only_as_far_as_it_grows() -> None:
    host = fake_host()
    settle(host, volume("a", size="60GiB"))
    host.group["vg0"] = replace(GROUP, free=10240)
    assert not check(host, volume("a", size="100GiB"))
    (said,) = check(host, volume("a", size="101GiB"))
    assert "takes 41.0GiB, and vg0 has 40.0GiB left" in said.summary


def test_a_group_that_is_missing_or_partial() -> None:
    host = fake_host()
    (said,) = check(host, volume("a", size="1GiB", volumeGroup="vg9"))
    assert "no volume group vg9: there is vg0" in said.summary
    host.group["vg0"] = replace(GROUP, missing=1)
    (said,) = check(host, volume("a", size="1GiB"))
    assert "of which 1 physical volumes are missing" in said.summary
    (said,) = check(fake_host(), volume("a", size="1GiB", stripes=3))
    assert "vg0 has 2 physical volumes" in said.summary


def test_a_full_pool_takes_no_image() -> None:
    host = fake_host()
    pool = volume("pool", size="1GiB", type="thin-pool")
    settle(host, pool, IMAGE)
    path = "/dev/vg0/lab-pool"
    host.volume[path] = replace(host.volume[path], used=GIB)
    (said,) = check(host, pool, IMAGE, volume("a", size="4GiB", thinPool="pool", image="debian"))
    assert "and the thin pool logicalvolume/pool has 0B left" in said.summary


def test_without_the_right_to_see_devices_nothing_is_made() -> None:
    host = fake_host()
    host.blind = Unknown("lvs failed (exit code 5)", "run as root")
    plan = plan_for(host, volume("a", size="1GiB"))
    assert brief(plan) == ["~ logicalvolume/a !"]
    assert plan.changes[0].allow == "run as root" and not check(host, volume("a", size="1GiB"))


def test_a_group_that_went_is_not_an_absent_volume() -> None:
    host = fake_host()
    settle(host, volume("a", size="1GiB"))
    host.group, host.volume = {}, {}
    plan = plan_for(host, volume("a", size="1GiB"))
    assert brief(plan) == ["~ logicalvolume/a !"]
    assert "there is no volume group vg0" in plan.changes[0].blocked


def test_a_snapshot_or_copy_with_our_tags_is_not_ours() -> None:
    host = fake_host()
    settle(host, volume("a", size="1GiB"))
    path = "/dev/vg0/lab-a"
    host.volume[path] = replace(host.volume[path], uuid="another")
    (change,) = plan_for(host, volume("a", size="2GiB")).changes
    assert change.blocked == "it is a copy of logicalvolume/a"
    plan = plan_for(host, prune=True, delete_data=("*",))
    assert brief(plan) == [] and "a copy of" in plan.notes[0].text


def test_what_somebody_made_is_taken_over_with_consent() -> None:
    host = fake_host()
    host.volume["/dev/vg0/lab-a"] = VolumeFacts("vg0", "lab-a", "theirs", GIB, "linear")
    assert brief(plan_for(host, volume("a", size="1GiB"))) == ["~ logicalvolume/a !"]
    settle(host, volume("a", size="1GiB"), adopt=("logicalvolume/a",))
    assert host.volume["/dev/vg0/lab-a"].tags == {
        "tinycloud=lab/logicalvolume/a", "tinycloud.uuid=theirs"}


def test_what_is_external_is_compared_and_never_tagged() -> None:
    host = fake_host()
    host.volume["/dev/vg0/theirs"] = VolumeFacts("vg0", "theirs", "theirs", GIB, "linear")
    plan = settle(host, volume("a", size="2GiB", external=True, name="theirs"))
    assert [note.text for note in plan.notes] == [
        "size is 1GiB, and 2GiB is declared; it is external and stays so"]
    assert host.volume["/dev/vg0/theirs"].tags == frozenset()


def test_what_was_left_unfinished_is_named_and_made_again() -> None:
    host = fake_host()
    documents = (IMAGE, volume("a", size="4GiB", image="debian"))
    host.fails = lambda step: type(step).__name__ == "FillVolume"
    carry_out(host, plan_for(host, *documents))
    assert list(host.volume) == ["/dev/vg0/lab-a.part"]
    assert "tinycloud.incomplete" in host.volume["/dev/vg0/lab-a.part"].tags
    host.fails = lambda step: False
    (change,) = settle(host, *documents).changes
    assert change.because == ("an earlier apply was cut off",)
    assert list(host.volume) == ["/dev/vg0/lab-a"]


def left_blank(host: FakeHost, *documents: str) -> None:
    """A kill between the volume's creation and its stamp."""
    host.fails = lambda step: type(step).__name__ == "StampVolume"
    carry_out(host, plan_for(host, *documents))
    host.fails = lambda step: False
    (left,) = host.volume.values()
    assert (left.name, left.uuid) == ("lab-a", "uuid-100") and "tinycloud.incomplete" in left.tags


def test_a_blank_one_has_its_name_at_once_and_is_made_again_if_it_was_not_stamped() -> None:
    host = fake_host()
    left_blank(host, volume("a", size="1GiB"))
    host.group["vg0"] = replace(GROUP, free=GROUP.extents - 256)
    (change,) = settle(host, volume("a", size="100GiB")).changes
    assert change.because == ("an earlier apply was cut off",)
    (made,) = host.volume.values()
    assert (made.name, made.uuid, made.size) == ("lab-a", "uuid-101", 100 * GIB)
    assert made.tags == {"tinycloud=lab/logicalvolume/a", "tinycloud.uuid=uuid-101"}


def test_what_another_cloud_left_unfinished_is_not_ours() -> None:
    host = fake_host()
    left_blank(host, volume("a", size="1GiB"))
    (path, left), = host.volume.items()
    host.volume[path] = replace(left, tags=frozenset(
        {"tinycloud=other/logicalvolume/a", "tinycloud.incomplete"}))
    (change,) = plan_for(host, volume("a", size="1GiB")).changes
    assert "logicalvolume/a of the cloud other" in change.blocked


def test_what_a_machine_may_have_written_to_is_not_removed_unfinished_or_not() -> None:
    machine = """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 64MiB, running: false, disks: [{name: a, disk: a}]}
    """
    host = fake_host()
    settle(host, volume("a", size="1GiB"), machine)
    host.volume.clear()
    host.record.pop(Address("logicalvolume", "a"))
    host.inodes = iter([100])
    left_blank(host, volume("a", size="1GiB"), machine)
    change = plan_for(host, volume("a", size="1GiB"), machine).changes[0]
    assert "never finished, but lab-web has it as a disk" in change.blocked
    assert change.allow == "lvremove /dev/vg0/lab-a"


def test_something_else_under_the_name_of_a_part_stays() -> None:
    host = fake_host()
    host.volume["/dev/vg0/lab-a.part"] = VolumeFacts("vg0", "lab-a.part", "x", GIB, "linear")
    (change,) = plan_for(host, volume("a", size="1GiB")).changes
    assert "was not made here" in change.blocked


def test_an_overcommitted_pool_says_so() -> None:
    documents = (volume("pool", size="1GiB", type="thin-pool"),
                 volume("a", size="600MiB", thinPool="pool"),
                 volume("b", size="600MiB", thinPool="pool"))
    host = fake_host()
    settle(host, *documents)
    (note,) = plan_for(host, *documents).notes
    assert note.text.startswith("promises 1200MiB and has 1GiB")


def test_a_volume_is_never_smaller_than_its_image() -> None:
    host = fake_host()
    settle(host, IMAGE)
    with pytest.raises(Problems, match="smaller than its image, which has 3GiB"):
        plan_for(host, IMAGE, volume("a", size="1GiB", image="debian"))


def test_another_group_makes_it_anew_and_the_old_one_goes_to_the_trash() -> None:
    host = fake_host()
    host.group["vg1"] = replace(GROUP, name="vg1")
    settle(host, volume("a", size="1GiB"))
    other = volume("a", size="1GiB", volumeGroup="vg1")
    (change,) = plan_for(host, other).changes
    assert change.blocked and change.allow == "--replace logicalvolume/a"
    settle(host, other, replace=("logicalvolume/a",))
    trash, new = sorted(host.volume)
    assert trash.startswith("/dev/vg0/lab-a.uuid-") and new == "/dev/vg1/lab-a"


def test_a_machine_has_it_as_a_block_device_and_its_guest_inside() -> None:
    machine = """
        kind: VirtualMachine
        metadata: {name: web}
        spec:
          cpus: 1
          memory: 512MiB
          disks: [{name: root, image: debian, size: 4GiB, volumeGroup: vg0}]
          guest: {hostname: web}
    """
    host = fake_host()
    settle(host, IMAGE, machine)
    (root,) = chains(host.domain["lab-web"].xml)["root"]
    assert (root.path, root.format, root.type) == ("/dev/vg0/lab-web-root", "raw", "block")
    assert "tinycloud.guest=guest/web" in host.volume[root.path].tags
    other = machine.replace("hostname: web", "hostname: www")
    assert brief(plan_for(host, IMAGE, other)) == ["~ guest/web !"]
    settle(host, IMAGE, other, restart=("virtualmachine/web",))
