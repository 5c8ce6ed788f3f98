"""The planner's rules, each on a host in memory."""

import pytest
from msgspec.structs import replace

from tests.unit.cloud import (
    IMAGE,
    STORAGE,
    WEB,
    brief,
    carry_out,
    destroy_for,
    fake_host,
    plan_for,
    settle,
)
from tiny_cloud import steps
from tiny_cloud.errors import Problems
from tiny_cloud.model import Address, Impact
from tiny_cloud.steps import Step

DISK = f"{STORAGE}/disks/web-root.qcow2"
DISK_ADDRESS, GUEST, VM = (
    Address("disk", "web-root"),
    Address("guest", "web"),
    Address("virtualmachine", "web"),
)


def names(performed: list[Step]) -> list[str]:
    return [type(step).__name__ for step in performed]


def test_from_nothing_to_a_running_machine_in_the_right_order() -> None:
    host = fake_host()
    plan = settle(host, IMAGE, WEB)
    assert brief(plan) == [
        "+ image/debian", "+ disk/web-root", "+ guest/web", "+ virtualmachine/web"
    ]  # fmt: skip
    assert names(host.performed) == [
        "MakeFolder", "Debootstrap", "Stamp", "WriteRecord", "Publish",
        "MakeFolder", "CreateDisk", "EditGuest", "Stamp", "WriteRecord", "Publish",
        "WriteRecord", "MakeFolder", "Define", "Autostart", "Start",
    ]  # fmt: skip
    edit = next(step for step in host.performed if isinstance(step, steps.EditGuest))
    assert edit.disk == f"{DISK}.part" and edit.fresh
    assert edit.settings["interfaces"][0]["mac"].startswith("52:54:00:")


def test_memory_waits_for_the_next_boot_and_the_note_goes_with_a_restart() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    more = WEB.replace("512MiB", "1GiB")
    plan = settle(host, IMAGE, more)
    (change,) = plan.changes
    assert change.impact is Impact.NEXT_BOOT
    assert [(d.field, d.old, d.new) for d in change.diffs] == [("memory", 512 << 20, 1 << 30)]
    (note,) = plan_for(host, IMAGE, more).notes
    assert "memory" in note.text and "--restart virtualmachine/web" in note.text
    assert brief(settle(host, IMAGE, more, restart=("virtualmachine/web",))) == [
        "↻ virtualmachine/web"
    ]
    assert plan_for(host, IMAGE, more).notes == ()


def test_a_guests_change_is_blocked_while_its_machine_runs() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    other = WEB.replace("hostname: web", "hostname: www").replace("512MiB", "1GiB")
    plan = plan_for(host, IMAGE, other)
    assert brief(plan) == ["~ guest/web !", "~ virtualmachine/web"]
    assert plan.changes[0].allow == "--restart virtualmachine/web"
    carry_out(host, plan)
    host.performed.clear()
    plan = settle(host, IMAGE, other, restart=("virtualmachine/*",))
    assert brief(plan) == ["~ guest/web", "↻ virtualmachine/web"]
    assert names(host.performed) == ["Shutdown", "EditGuest", "Start", "WriteRecord"]


def test_a_guest_may_change_while_its_machine_is_off() -> None:
    host = fake_host()
    off = WEB.replace("cpus: 1", "cpus: 1\n  running: false")
    settle(host, IMAGE, off)
    plan = settle(host, IMAGE, off.replace("hostname: web", "hostname: www"))
    assert brief(plan) == ["~ guest/web"]


def test_a_guest_added_to_a_running_machine_needs_a_restart() -> None:
    host = fake_host()
    bare = WEB[: WEB.index("  guest:")].replace(", address: 10.0.2.15/24", "")
    settle(host, IMAGE, bare)
    assert brief(plan_for(host, IMAGE, WEB)) == ["+ guest/web !"]
    host.performed.clear()
    settle(host, IMAGE, WEB, restart=("virtualmachine/web",))
    assert names(host.performed)[:2] == ["Shutdown", "EditGuest"]
    assert host.performed[1].disk == DISK


def test_growing_is_live_on_a_running_machine_and_qemu_imgs_otherwise() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    host.performed.clear()
    plan = plan_for(host, IMAGE, WEB.replace("4GiB", "5GiB"))
    assert plan.changes[0].impact is Impact.LIVE
    carry_out(host, plan)
    assert "BlockResize" in names(host.performed)
    host.domain["lab-web"] = replace(host.domain["lab-web"], live_xml="")
    host.performed.clear()
    carry_out(host, plan_for(host, IMAGE, WEB.replace("4GiB", "6GiB")))
    (resize,) = (step for step in host.performed if isinstance(step, steps.Run))
    assert resize.argv == ("qemu-img", "resize", "-f", "qcow2", DISK, str(6 << 30))


def test_the_root_grows_inside_when_the_machine_is_off_or_restarts() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    bigger = WEB.replace("4GiB", "5GiB")
    carry_out(host, plan_for(host, IMAGE, bigger))
    (note,) = plan_for(host, IMAGE, bigger).notes
    assert note.address == GUEST and "growRoot" in note.text
    host.performed.clear()
    settle(host, IMAGE, bigger, restart=("virtualmachine/web",))
    assert names(host.performed) == ["Shutdown", "EditGuest", "Start", "WriteRecord"]


def test_shrinking_is_an_error_with_its_line() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    with pytest.raises(Problems, match=r"<stdin>:\d+:\d+: disk/web-root has 4GiB and cannot"):
        plan_for(host, IMAGE, WEB.replace("4GiB", "3GiB"))


def test_an_overlay_smaller_than_its_image_is_an_error() -> None:
    host = fake_host()
    settle(host, IMAGE)
    with pytest.raises(Problems, match="smaller than its image, which has 3GiB"):
        plan_for(host, IMAGE, WEB.replace("4GiB", "1GiB"))


def test_a_disk_is_made_anew_only_with_consent_and_the_old_one_goes_to_the_trash() -> None:
    host = fake_host()
    raw = """
        kind: Disk
        metadata: {name: data}
        spec: {size: 1GiB, format: qcow2}
    """
    settle(host, raw)
    inode = host.file[f"{STORAGE}/disks/data.qcow2"].inode
    plan = plan_for(host, raw.replace("qcow2", "raw"))
    assert brief(plan) == ["± disk/data !"] and plan.changes[0].allow == "--replace disk/data"
    carry_out(host, plan)
    assert f"{STORAGE}/disks/data.qcow2" in host.file
    settle(host, raw.replace("qcow2", "raw"), replace=("disk/data",))
    assert sorted(host.file) == [
        f"{STORAGE}/disks/data.raw",
        f"{STORAGE}/trash/data.qcow2.{inode}",
    ]


def test_a_new_image_leaves_disks_on_the_old_one_and_says_so() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    base = host.file[DISK].facts.backing
    plan = settle(host, IMAGE.replace("bookworm", "trixie"), WEB)
    assert brief(plan) == ["+ image/debian"]
    assert host.file[DISK].facts.backing == base and base in host.file
    notes = plan_for(host, IMAGE.replace("bookworm", "trixie"), WEB).notes
    assert any("older version of image/debian" in note.text for note in notes)
    xml = host.domain["lab-web"].xml
    settle(host, IMAGE.replace("bookworm", "trixie"), WEB.replace("cpus: 1", "cpus: 2"))
    assert base in host.domain["lab-web"].xml and base in xml


def test_a_disk_is_made_anew_on_a_new_image_where_somebody_asks_for_that_very_thing() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    base = host.file[DISK].facts.backing
    newer = IMAGE.replace("bookworm", "trixie")
    plan = settle(host, newer, WEB, replace=("disk/web-root",), restart=("vm/web", "virt*"))
    assert {"± disk/web-root", "+ guest/web"} <= set(brief(plan))
    assert host.file[DISK].facts.backing not in ("", base)
    assert any(path.startswith(f"{STORAGE}/trash/") for path in host.file)
    assert brief(plan_for(host, newer, WEB, replace=("disk/*",))) == []


def test_what_is_there_and_not_ours_is_never_touched() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    host.record.clear()
    host.domain.clear()
    host.file[DISK].stamp = None
    plan = plan_for(host, IMAGE, WEB)
    assert plan.changes[1].blocked and plan.changes[1].allow == "--adopt disk/web-root"
    host.file[DISK].stamp = {"cloud": "lab", "address": "disk/web-root", "path": DISK, "inode": "1"}
    assert "a copy of disk/web-root" in plan_for(host, IMAGE, WEB).changes[1].blocked
    host.file[DISK].stamp = {"cloud": "other", "address": "disk/web-root"}
    assert "of the cloud other" in plan_for(host, IMAGE, WEB).changes[1].blocked


def test_a_lost_record_of_a_guest_is_unknown_and_blocks() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    del host.record[GUEST]
    (change,) = plan_for(host, IMAGE, WEB).changes
    assert change.address == GUEST and "lost" in change.blocked


def test_another_password_is_a_change_and_an_absent_secret_is_a_note() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    del host.secret["PASSWORD"]
    plan = plan_for(host, IMAGE, WEB)
    assert plan.changes == () and "not there" in plan.notes[0].text
    host.secret["PASSWORD"] = "swordfish"
    (change,) = plan_for(host, IMAGE, WEB).changes
    assert [diff.field for diff in change.diffs] == ["users.root.password"]
    assert "swordfish" not in repr(change) and "hunter2" not in repr(change)


def test_a_failed_edit_leaves_no_machine_and_the_next_apply_mends_it() -> None:
    host = fake_host()
    host.fails = lambda step: isinstance(step, steps.EditGuest)
    events = carry_out(host, plan_for(host, IMAGE, WEB))
    assert {e.address for e in events if e.what == "skipped"} == {DISK_ADDRESS, VM}
    assert host.domain == {} and DISK not in host.file
    host.fails = lambda step: False
    plan = settle(host, IMAGE, WEB)
    assert brief(plan)[0] == "+ disk/web-root"
    assert "an earlier apply was cut off" in plan.changes[0].because


@pytest.mark.parametrize("last", range(16))
def test_wherever_an_apply_is_cut_off_the_next_one_ends_in_an_empty_plan(last: int) -> None:
    host = fake_host()
    host.fails = lambda step: len(host.performed) >= last
    carry_out(host, plan_for(host, IMAGE, WEB))
    assert len(host.performed) == last
    host.fails = lambda step: False
    settle(host, IMAGE, WEB)


def test_destroy_keeps_data_unless_told_and_takes_it_up_again() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    plan = destroy_for(host, IMAGE, WEB)
    assert brief(plan) == ["- virtualmachine/web"]
    assert {str(note.address) for note in plan.notes} == {"disk/web-root", "image/debian"}
    carry_out(host, plan)
    inode = host.file[DISK].inode
    assert brief(settle(host, IMAGE, WEB)) == ["+ virtualmachine/web"]
    assert host.file[DISK].inode == inode


def test_an_image_goes_only_with_all_that_stands_on_it() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    plan = destroy_for(host, IMAGE, WEB, delete_data=("image/*",))
    assert brief(plan)[1] == "- image/debian !"
    assert plan.changes[1].blocked == "disk/web-root stands on it"
    carry_out(host, destroy_for(host, IMAGE, WEB, delete_data=("*",)))
    assert host.domain == {} and host.record == {}
    assert all(path.startswith(f"{STORAGE}/trash/") for path in host.file)


def test_protection_is_kept_with_the_object() -> None:
    host = fake_host()
    kept = WEB.replace("{name: web}", '{name: web, annotations: {tinycloud/protect: "true"}}')
    settle(host, IMAGE, kept)
    plan = destroy_for(host, IMAGE, WEB, delete_data=("*",))
    why = {str(change.address): change.blocked for change in plan.changes}
    protected = "it is protected (annotation tinycloud/protect)"
    assert why["virtualmachine/web"] == protected == why["disk/web-root"] == why["guest/web"]
    assert why["image/debian"] == "disk/web-root stands on it"
    assert carry_out(host, plan) == []


def test_undeclared_things_are_noted_and_pruned_on_request() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    plan = plan_for(host)
    assert plan.changes == ()
    assert {str(note.address) for note in plan.notes} == {
        "image/debian", "disk/web-root", "virtualmachine/web"
    }  # fmt: skip
    assert brief(plan_for(host, prune=True)) == ["- virtualmachine/web"]
    carry_out(host, plan_for(host, prune=True, delete_data=("*",)))
    assert host.domain == {} and host.record == {}


def test_a_removed_disk_leaves_the_machine_and_keeps_its_data() -> None:
    host = fake_host()
    two = WEB.replace("size: 4GiB}\n", "size: 4GiB}\n    - {name: data, size: 1GiB}\n")
    settle(host, IMAGE, two)
    plan = settle(host, IMAGE, WEB)
    assert brief(plan) == ["~ virtualmachine/web"]
    assert [(d.field, d.new) for d in plan.changes[0].diffs] == [("disks[data].disk", None)]
    assert "web-data" not in host.domain["lab-web"].xml
    assert f"{STORAGE}/disks/web-data.qcow2" in host.file


def test_no_such_network_is_an_error_with_its_line() -> None:
    from tests.unit.cloud import load
    from tiny_cloud import probe

    host = fake_host()
    found = load(IMAGE, WEB.replace("user: {}", "network: nowhere"))
    (problem,) = probe.check(host, found.resources)
    assert "no active network nowhere" in problem.summary and problem.span is not None
    assert "network: nowhere" in problem.span.text
