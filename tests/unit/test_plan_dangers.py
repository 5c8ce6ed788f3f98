"""Plans that once lost data, touched what is not ours, or never became empty."""

from msgspec.structs import replace

from tests.fake.host import FakeHost
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
from tiny_cloud.facts import ImageFacts
from tiny_cloud.model import Action, Address, Impact

DISK = f"{STORAGE}/disks/web-root.qcow2"
BLANK = """
    kind: Disk
    metadata: {name: data}
    spec: {size: 1GiB, reclaimPolicy: Delete}
"""
BLANK_AT = f"{STORAGE}/disks/data.qcow2"
HOLDER = """
    kind: VirtualMachine
    metadata: {name: box}
    spec: {cpus: 1, memory: 64MiB, disks: [{name: data, disk: data}]}
"""


def made(*documents: str) -> FakeHost:
    host = fake_host()
    settle(host, *documents)
    return host


def why(host: FakeHost, *documents: str, **consents: tuple[str, ...]) -> dict[str, str]:
    return {str(c.address): c.blocked for c in plan_for(host, *documents, **consents).changes}


def test_a_new_reclaim_policy_is_a_change_and_the_milder_one_counts_until_it_is_applied() -> None:
    host = made(BLANK)
    kept = BLANK.replace("Delete", "Retain")
    (change,) = plan_for(host, kept).changes
    (diff,) = change.diffs
    assert (diff.field, diff.old, diff.new) == ("reclaimPolicy", "Delete", "Retain")
    assert destroy_for(host, kept).changes == ()
    settle(host, kept)
    assert destroy_for(host, BLANK).changes == ()
    settle(host, BLANK)
    assert brief(destroy_for(host, BLANK)) == ["- disk/data"]


def test_protection_is_lifted_by_an_apply_and_not_before() -> None:
    protected = BLANK.replace("data}", 'data, annotations: {tinycloud/protect: "true"}}')
    host = made(protected)
    assert brief(destroy_for(host, BLANK)) == ["- disk/data !"]
    settle(host, BLANK)
    assert brief(destroy_for(host, BLANK)) == ["- disk/data"]


def test_nothing_is_built_on_a_disk_that_is_not_ours() -> None:
    host = fake_host()
    settle(host, IMAGE)
    host._new(DISK, "qcow2", 4 << 30)
    blocked = why(host, IMAGE, WEB)
    assert set(blocked) == {"disk/web-root", "guest/web", "virtualmachine/web"}
    assert all(blocked.values())


def test_an_image_stays_while_any_disk_stands_on_it_also_one_whose_record_is_lost() -> None:
    second = WEB.replace("name: web", "name: db")
    host = made(IMAGE, WEB, second)
    for going in ("disk/web-root", "disk/db-root"):
        consents = {"delete_data": ("image/debian", going)}
        assert "- image/debian !" in brief(destroy_for(host, IMAGE, WEB, second, **consents))
    del host.record[Address("disk", "db-root")]
    plan = destroy_for(host, IMAGE, WEB, delete_data=("*",))
    assert "- image/debian !" in brief(plan)


def test_a_machine_is_defined_again_when_its_disk_gets_another_path() -> None:
    for runs in ("true", "false"):
        holder = HOLDER.replace("cpus: 1", f"cpus: 1, running: {runs}")
        host = made(BLANK, holder)
        raw = BLANK.replace("1GiB", "1GiB, format: raw")
        settle(host, raw, holder, replace=("disk/data",), restart=("virtualmachine/box",))
        assert f"{STORAGE}/disks/data.raw" in host.domain["lab-box"].xml
        assert BLANK_AT not in host.domain["lab-box"].xml


def test_a_blocked_replacement_leaves_the_machines_path_as_it_is() -> None:
    host = made(BLANK, HOLDER)
    raw = BLANK.replace("1GiB", "1GiB, format: raw")
    plan = plan_for(host, raw, HOLDER.replace("cpus: 1", "cpus: 2"))
    assert brief(plan) == ["± disk/data !", "~ virtualmachine/box"]
    carry_out(host, plan)
    assert BLANK_AT in host.domain["lab-box"].xml


def test_a_disk_that_became_the_base_of_a_snapshot_is_unknown() -> None:
    host = made(BLANK, HOLDER)
    facts, snapshot = host.domain["lab-box"], f"{STORAGE}/disks/data.snap1"
    host.file[snapshot] = replace(
        host.file[BLANK_AT], facts=ImageFacts("qcow2", 1 << 30, 0, BLANK_AT, "qcow2")
    )
    source = f'<source file="{BLANK_AT}"/>'
    assert source in facts.xml
    above = facts.xml.replace(
        source + "\n      <backingStore/>",
        f'<source file="{snapshot}"/><backingStore type="file"><format type="qcow2"/>'
        f"{source}<backingStore/></backingStore>",
    )
    assert above != facts.xml
    host.domain["lab-box"] = replace(facts, xml=above, live_xml=above)
    blocked = why(host, BLANK, HOLDER)
    assert "has become the base of another disk" in blocked["disk/data"]
    assert blocked["virtualmachine/box"] == "it waits for disk/data, which is blocked"


def test_a_file_removed_under_a_running_machine_is_unknown_not_absent() -> None:
    host = made(BLANK, HOLDER)
    del host.file[BLANK_AT]
    assert "is gone, but lab-box runs on it" in why(host, BLANK, HOLDER)["disk/data"]


def test_a_machine_that_cannot_be_taken_down_holds_back_what_needs_it_down() -> None:
    host = made(IMAGE, WEB)
    facts = host.domain["lab-web"]
    lines = facts.xml.splitlines(True)
    unstamped = "".join(line for line in lines if "tinycloud:stamp" not in line)
    host.domain["lab-web"] = replace(facts, xml=unstamped, live_xml=unstamped)
    other = WEB.replace("hostname: web", "hostname: www")
    plan = plan_for(host, IMAGE, other, restart=("virtualmachine/web",))
    assert brief(plan) == ["~ guest/web !", "~ virtualmachine/web !"]
    assert plan.changes[0].blocked == "virtualmachine/web uses it and is blocked"


def test_destroy_after_an_apply_that_was_cut_off_before_publishing() -> None:
    host = fake_host()
    host.fails = lambda step: isinstance(step, steps.Publish)
    carry_out(host, plan_for(host, BLANK))
    assert f"{BLANK_AT}.part" in host.file
    host.fails = lambda step: False
    carry_out(host, destroy_for(host, BLANK))
    assert host.file == {}


def test_a_destroy_that_was_cut_off_is_tidied_up_after() -> None:
    host = made(BLANK, HOLDER)
    host.fails = lambda step: isinstance(step, steps.DropRecord)
    carry_out(host, destroy_for(host, BLANK, HOLDER))
    host.fails = lambda step: False
    assert host.record != {}
    carry_out(host, plan_for(host, prune=True))
    assert host.record == {} and host.domain == {}


def test_a_machine_whose_record_is_lost_is_still_known_by_its_stamp() -> None:
    host = made(BLANK, HOLDER)
    del host.record[Address("virtualmachine", "box")]
    assert "- virtualmachine/box" in brief(plan_for(host, prune=True))


def test_an_image_without_a_record_and_a_disk_made_anew_on_it_make_no_circle() -> None:
    raw = "kind: Disk\nmetadata: {name: data}\nspec: {size: 4GiB, format: raw}"
    overlay = "kind: Disk\nmetadata: {name: data}\nspec: {size: 4GiB, image: debian}"
    host = made(IMAGE, raw, HOLDER)
    del host.record[Address("image", "debian")]
    settle(
        host, IMAGE, overlay, HOLDER, replace=("disk/data",), restart=("virtualmachine/box",)
    )


def test_a_disk_grown_while_off_grows_inside_in_the_same_apply() -> None:
    off = WEB.replace("cpus: 1", "cpus: 1\n  running: false")
    host = made(IMAGE, off)
    plan = settle(host, IMAGE, off.replace("4GiB", "5GiB"))
    assert brief(plan) == ["~ disk/web-root", "~ guest/web"]


def test_consent_to_restart_applies_what_would_wait_for_the_next_boot_at_once() -> None:
    host = made(IMAGE, WEB)
    plan = settle(host, IMAGE, WEB.replace("512MiB", "1GiB"), restart=("virtualmachine/web",))
    (change,) = plan.changes
    assert change.action is Action.UPDATE and change.impact is Impact.RESTART
    assert plan_for(host, IMAGE, WEB.replace("512MiB", "1GiB")).notes == ()


def test_a_machine_that_is_to_stop_anyway_needs_no_consent_for_its_guest() -> None:
    host = made(IMAGE, WEB)
    host.performed.clear()
    other = WEB.replace("hostname: web", "hostname: www").replace(
        "cpus: 1", "cpus: 1\n  running: false"
    )
    settle(host, IMAGE, other)
    assert [type(step).__name__ for step in host.performed][:2] == ["Shutdown", "EditGuest"]


def test_what_is_taken_over_is_ours_afterwards() -> None:
    host = made(IMAGE, WEB)
    for file in host.file.values():
        file.stamp = None
    host.record.pop(Address("image", "debian"))
    settle(host, IMAGE, WEB, adopt=("image/debian", "disk/web-root"))
    assert plan_for(host, IMAGE, WEB).changes == ()


def test_a_guest_whose_record_is_lost_can_be_taken_over() -> None:
    host = made(IMAGE, WEB)
    del host.record[Address("guest", "web")]
    (change,) = plan_for(host, IMAGE, WEB).changes
    assert change.allow == "--adopt guest/web"
    settle(host, IMAGE, WEB, adopt=("guest/web",), restart=("virtualmachine/web",))


def test_a_machine_that_takes_a_disk_over_starts_after_the_other_is_gone() -> None:
    host = made(BLANK, HOLDER)
    plan = plan_for(host, BLANK, HOLDER.replace("name: box", "name: heir"), prune=True)
    assert [event for event in carry_out(host, plan) if event.what == "failed"] == []
    assert set(host.domain) == {"lab-heir"}


def test_a_machine_that_is_to_be_off_need_not_let_go_of_a_device() -> None:
    """Its guest may not even know how, and being off it has let go of everything."""
    host = made(BLANK, HOLDER)
    off = HOLDER.replace("memory: 64MiB, disks: [{name: data, disk: data}]",
                         "memory: 64MiB, running: false")
    (change,) = plan_for(host, BLANK, off).changes
    kinds = [type(step) for step in change.up]
    assert kinds == [steps.Define, steps.Shutdown, steps.WriteRecord]
