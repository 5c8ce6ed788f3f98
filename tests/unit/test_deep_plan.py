"""plan --deep: what a look inside found is a change as any other."""

from __future__ import annotations

import pytest

from tests.fake.host import FakeHost
from tests.unit.cloud import IMAGE, WEB, brief, carry_out, fake_host, plan_for, settle
from tiny_cloud import steps
from tiny_cloud.insides import ITSELF, Drift, Inside
from tiny_cloud.model import Address, FieldDiff, Impact, Unknown

GUEST = Address("guest", "web")
OFF = WEB.replace("spec:\n", "spec:\n  running: false\n")
DRIFTED = Inside("Debian", (
    Drift("hostname", "/etc/hostname", ("other",), ("web",)),
    Drift("users.root.password", "/etc/shadow", hidden=True),
    Drift("interfaces[eth0].address", "/etc/network/interfaces", ("    address 10.0.2.99/24",)),
    Drift(ITSELF, "/etc/cloud/cloud-init.disabled", (), ("off",)),
))


def host_with(inside: Inside | Unknown, *documents: str) -> FakeHost:
    host = fake_host()
    settle(host, *documents)
    host.inside[GUEST] = inside
    host.performed.clear()
    return host


def test_a_guest_that_is_as_declared_inside_changes_nothing() -> None:
    host = host_with(Inside("Debian", notes=("not compared",)), IMAGE, OFF)
    plan = plan_for(host, IMAGE, OFF)
    assert plan.changes == ()
    assert "not compared" in [note.text for note in plan.notes]


def test_each_drifted_field_is_a_difference() -> None:
    (change,) = plan_for(host_with(DRIFTED, IMAGE, OFF), IMAGE, OFF).changes
    assert change.diffs == (
        FieldDiff("hostname", "other", "web", Impact.RESTART),
        FieldDiff("users.root.password", "(another)", "env PASSWORD", Impact.RESTART),
        FieldDiff("interfaces[eth0].address", "address 10.0.2.99/24", "10.0.2.15/24",
                  Impact.RESTART),
        FieldDiff("/etc/cloud/cloud-init.disabled", "(missing)", "as declared", Impact.RESTART),
    )


def test_an_offline_edit_puts_it_right() -> None:
    host = host_with(DRIFTED, IMAGE, OFF)
    assert brief(settle(host, IMAGE, OFF)) == ["~ guest/web"]
    assert [type(step) for step in host.performed] == [steps.EditGuest]


def test_a_running_machine_takes_consent() -> None:
    host = host_with(DRIFTED, IMAGE, WEB)
    plan = plan_for(host, IMAGE, WEB)
    assert brief(plan) == ["~ guest/web !"]
    assert plan.changes[0].allow == "--restart virtualmachine/web"
    assert brief(settle(host, IMAGE, WEB, restart=("vm/web", "virtualmachine/web"))) == [
        "~ guest/web", "↻ virtualmachine/web"]


def test_a_field_that_the_manifest_changed_is_said_once() -> None:
    host = host_with(DRIFTED, IMAGE, OFF)
    (change,) = plan_for(host, IMAGE, OFF.replace("hostname: web", "hostname: new")).changes
    assert [(d.field, d.old, d.new) for d in change.diffs if d.field == "hostname"] == [
        ("hostname", "web", "new")]


def test_what_cannot_be_looked_into_is_unknown() -> None:
    host = host_with(Unknown("guest/web: no operating system was found"), IMAGE, OFF)
    (change,) = plan_for(host, IMAGE, OFF).changes
    assert "no operating system was found" in change.blocked


@pytest.mark.parametrize("manifest", [WEB, OFF])
def test_a_lost_record_comes_back_without_a_write(manifest: str) -> None:
    """Also of a machine that runs: its disk is only read."""
    host = host_with(Inside("Debian"), IMAGE, manifest)
    before = host.record.pop(GUEST)
    plan = plan_for(host, IMAGE, manifest)
    assert brief(plan) == ["~ guest/web"]
    (change,) = plan.changes
    assert [diff.field for diff in change.diffs] == ["record"]
    assert [event for event in carry_out(host, plan) if event.what == "failed"] == []
    assert [type(step) for step in host.performed] == [steps.RecallGuest]
    # The fake has no hashes of its own to lose: what is there is what was written first.
    assert host.record[GUEST]["fields"] == before["fields"]
    host.inside.pop(GUEST, None)
    assert plan_for(host, IMAGE, manifest).changes == ()


def test_a_lost_record_and_drift_are_written_anew() -> None:
    host = host_with(DRIFTED, IMAGE, OFF)
    del host.record[GUEST]
    plan = plan_for(host, IMAGE, OFF)
    assert [diff.field for diff in plan.changes[0].diffs][:2] == ["record", "hostname"]
    carry_out(host, plan)
    assert [type(step) for step in host.performed] == [steps.EditGuest]


def test_without_a_deep_look_a_lost_record_is_unknown() -> None:
    host = fake_host()
    settle(host, IMAGE, OFF)
    del host.record[GUEST]
    (change,) = plan_for(host, IMAGE, OFF).changes
    assert "the record of what was written" in change.blocked


def test_an_edit_that_was_cut_off_is_done_again_although_all_is_as_recorded() -> None:
    host = fake_host()
    settle(host, IMAGE, OFF)
    host.record[GUEST] = {**host.record[GUEST], "unfinished": True}
    host.performed.clear()
    assert brief(settle(host, IMAGE, OFF)) == ["~ guest/web"]
    assert [type(step) for step in host.performed] == [steps.EditGuest]
    assert plan_for(host, IMAGE, OFF).changes == ()


def test_what_no_document_declares_is_not_looked_into() -> None:
    host = host_with(DRIFTED, IMAGE, OFF)
    asked: list[Address] = []
    host.insides = lambda guests: asked.extend(guests) or {}  # type: ignore[method-assign]
    plan_for(host, IMAGE)
    assert asked == []
    plan_for(host, IMAGE, OFF)
    assert asked == [GUEST]
