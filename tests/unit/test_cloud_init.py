"""Settings by way of cloud-init: the seed as a file of ours, and when a machine sees it."""

from __future__ import annotations

import pytest
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
    load,
    plan_for,
    settle,
)
from tiny_cloud import steps
from tiny_cloud.errors import Problems
from tiny_cloud.model import Address, Impact, Plan

SEEDED = WEB.replace("hostname: web", "method: cloudInit\n    hostname: web")
SEED = f"{STORAGE}/seeds/web.iso"
GUEST = Address("guest", "web")


@pytest.fixture
def host() -> FakeHost:
    """The machine runs with its seed."""
    host = fake_host()
    settle(host, IMAGE, SEEDED)
    return host


def made(wanted: Plan) -> list[steps.MakeSeed]:
    return [step for task in wanted.tasks for step in task.steps
            if isinstance(step, steps.MakeSeed)]


def instance(host: FakeHost) -> str:
    stamp = host.file[SEED].stamp
    assert stamp is not None and stamp["instance"] == host.record[GUEST]["instance"]
    return stamp["instance"]


def renamed(text: str, old: str, new: str) -> str:
    return text.replace(f"metadata: {{name: {old}}}",
                        f"metadata: {{name: {new}, renamedFrom: {old}}}")


def test_nothing_is_written_into_the_disk_and_the_machine_has_the_seed(host: FakeHost) -> None:
    assert not [step for step in host.performed if isinstance(step, steps.EditGuest)]
    assert f"<source file=\"{SEED}\"" in host.domain["lab-web"].xml
    assert host.file[SEED].stamp is not None
    order = [type(step).__name__ for step in host.performed]
    assert order.index("CreateDisk") < order.index("MakeSeed") < order.index("Define")


def test_a_changed_setting_is_another_instance_and_waits_for_a_boot(host: FakeHost) -> None:
    before, changed = instance(host), SEEDED.replace("hostname: web", "hostname: www")
    wanted = plan_for(host, IMAGE, changed)
    assert brief(wanted) == ["~ guest/web"] and wanted.changes[0].impact is Impact.NEXT_BOOT
    carry_out(host, wanted)
    assert instance(host) != before
    again = plan_for(host, IMAGE, changed)
    assert brief(again) == []
    assert [note.text for note in again.notes if note.address == GUEST] == [
        "waits for a restart (--restart virtualmachine/web): hostname"]
    # The next run of the machine, by whomever, has read it.
    xml = host.domain["lab-web"].live_xml
    xml = xml.replace("<domain ", '<domain id="2" ', 1)
    host.domain["lab-web"] = replace(host.domain["lab-web"], live_xml=xml)
    assert [note for note in plan_for(host, IMAGE, changed).notes if note.address == GUEST] == []


def test_with_consent_the_machine_restarts_at_once(host: FakeHost) -> None:
    changed = SEEDED.replace("hostname: web", "hostname: www")
    wanted = plan_for(host, IMAGE, changed, restart=("virtualmachine/web",))
    assert brief(wanted) == ["~ guest/web", "↻ virtualmachine/web"]
    carry_out(host, wanted)
    assert host.record[GUEST]["waiting"] is None
    assert plan_for(host, IMAGE, changed).notes == ()


def test_another_password_is_seen_and_the_same_is_not(host: FakeHost) -> None:
    assert brief(plan_for(host, IMAGE, SEEDED)) == []
    host.secret["PASSWORD"] = "another"
    (change,) = plan_for(host, IMAGE, SEEDED).changes
    assert [diff.field for diff in change.diffs] == ["users.root.password"]


def test_a_lost_seed_is_made_again_and_is_the_same_instance(host: FakeHost) -> None:
    before = instance(host)
    del host.file[SEED]
    assert brief(settle(host, IMAGE, SEEDED)) == ["~ guest/web"]
    assert instance(host) == before


def test_somebody_elses_file_is_not_written_over(host: FakeHost) -> None:
    host.file[SEED].stamp = None
    wanted = plan_for(host, IMAGE, SEEDED)
    assert "~ guest/web !" in brief(wanted)
    assert any("was not made here" in change.blocked for change in wanted.changes)


def test_a_new_disk_is_another_instance(host: FakeHost) -> None:
    before = instance(host)
    host.domain["lab-web"] = replace(host.domain["lab-web"], live_xml="")
    del host.file[f"{STORAGE}/disks/web-root.qcow2"]
    wanted = settle(host, IMAGE, SEEDED)
    assert brief(wanted)[:2] == ["+ disk/web-root", "+ guest/web"]
    assert instance(host) != before


def test_it_goes_with_its_disk_and_only_then(host: FakeHost) -> None:
    carry_out(host, destroy_for(host, IMAGE, SEEDED, force_off=("virtualmachine/web",)))
    assert SEED in host.file
    carry_out(host, destroy_for(host, IMAGE, SEEDED, delete_data=("disk/web-root",)))
    assert SEED not in host.file and GUEST not in host.record


def test_it_is_renamed_with_its_machine(host: FakeHost) -> None:
    before = instance(host)
    other = renamed(SEEDED, "web", "www")
    settle(host, IMAGE, other, restart=("virtualmachine/www",))
    seed = host.file[f"{STORAGE}/seeds/www.iso"]
    assert SEED not in host.file and seed.stamp is not None
    assert seed.stamp["instance"] == before
    assert f"{STORAGE}/seeds/www.iso" in host.domain["lab-www"].xml


def test_from_a_seed_to_the_disk_itself(host: FakeHost) -> None:
    wanted = plan_for(host, IMAGE, WEB)
    assert any("would have to restart" in change.blocked for change in wanted.changes)
    settle(host, IMAGE, WEB, restart=("virtualmachine/web",))
    assert SEED not in host.file and "seeds" not in host.domain["lab-web"].xml
    (edit,) = [step for step in host.performed if isinstance(step, steps.EditGuest)]
    assert edit.settings["hostname"] == "web" and not edit.fresh


def test_what_was_written_into_a_disk_stays_there() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    wanted = plan_for(host, IMAGE, SEEDED)
    assert "~ guest/web !" in brief(wanted)
    (change,) = [one for one in wanted.changes if one.address == GUEST]
    assert "cloud-init in there was switched off" in change.blocked
    assert "--replace disk/web-root" in change.blocked


def test_offline_goes_without_saying(host: FakeHost) -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    assert brief(plan_for(host, IMAGE, SEEDED.replace("cloudInit", "offline"))) == []


def test_a_guest_of_its_own_says_which_drive_its_machine_lacks() -> None:
    guest = """
        kind: Guest
        metadata: {name: web}
        spec: {disk: root, machine: web, method: cloudInit, hostname: web}
    """
    disk = "kind: Disk\nmetadata: {name: root}\nspec: {image: debian}"
    machine = """
        kind: VirtualMachine
        metadata: {name: web}
        spec:
          cpus: 1
          memory: 512MiB
          disks: [{name: root, disk: root}]
          guest: web
    """
    with pytest.raises(Problems) as caught:
        load(IMAGE, disk, guest, machine)
    (problem,) = caught.value.problems
    assert f"cdroms: [{{name: cidata, bus: scsi, path: {SEED}}}]" in problem.hint
    drive = f"cdroms: [{{name: cidata, bus: scsi, path: {SEED}}}]"
    settle(fake_host(), IMAGE, disk, guest, f"{machine.rstrip()}\n          {drive}")
