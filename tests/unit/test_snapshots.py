"""What a plan makes of snapshots, and which steps they take; the rest is for the real libvirt."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.cloud import brief, destroy_for, fake_host, load, plan_for, settle
from tests.unit.test_layers import blocked, image
from tiny_cloud import probe
from tiny_cloud.errors import Failure
from tiny_cloud.facts import Overlay, SnapshotFacts
from tiny_cloud.libvirt_xml import overlaid
from tiny_cloud.model import Observed
from tiny_cloud.resource import Resource
from tiny_cloud.snapshots import ending, taking

WEB = """
kind: VirtualMachine
metadata: {{name: web}}
spec: {{cpus: 1, memory: {memory}, running: false, disks: [{{name: root, size: {size}}}]}}
"""
SMALL = WEB.format(memory="64MiB", size="1MiB")
KEYED = WEB.format(memory="64MiB", size="1MiB, encryption: {secret: {env: KEY}}")
DISK = "/srv/lab/disks/web-root.qcow2"
OVERLAY = "/srv/lab/snapshots/web.one.root.qcow2"


@pytest.fixture
def host() -> FakeHost:
    """With one external snapshot."""
    host = fake_host()
    settle(host, SMALL)
    take(host)
    return host


def take(host: FakeHost) -> None:
    facts, disk = host.domain["lab-web"], host.file[DISK].facts
    snapshot = SnapshotFacts("one", 1, "shutoff", (Overlay("vda", OVERLAY, DISK, "qcow2"),))
    host.domain["lab-web"] = replace(
        facts, xml=overlaid(facts.xml, {DISK: (OVERLAY,)}), snapshots=(snapshot,))
    host._new(OVERLAY, "qcow2", disk.virtual_size, DISK)


def seen(host: FakeHost, text: str = SMALL) -> tuple[Resource, Observed]:
    found = load(text, host=host)
    (machine,) = (item for item in found.resources if item.address.kind == "virtualmachine")
    observed = probe.probe(host, [machine])[machine.address]
    assert isinstance(observed, Observed)
    return machine, observed


def test_a_plan_is_empty_and_other_changes_keep_the_overlays(host: FakeHost) -> None:
    assert brief(plan_for(host, SMALL)) == []
    more = WEB.format(memory="80MiB", size="1MiB")
    settle(host, more)
    assert OVERLAY in host.domain["lab-web"].xml and DISK in host.domain["lab-web"].xml


def test_what_would_harm_it_is_blocked(host: FakeHost) -> None:
    grown = plan_for(host, WEB.format(memory="64MiB", size="2MiB"))
    assert brief(grown) == ["~ disk/web-root !"]
    assert "snapshots of lab-web stand on it" in grown.changes[0].blocked
    gone = destroy_for(host, SMALL, delete_data=("*",))
    assert {change.action.value for change in gone.changes} == {"-"} and all(
        change.blocked for change in gone.changes)


def test_a_file_that_is_missing_is_no_disk_to_build_on(host: FakeHost) -> None:
    del host.file[OVERLAY]
    (change,) = plan_for(host, SMALL).blocked
    assert f"{OVERLAY}, which lab-web has written to since a snapshot, is gone" in change.blocked


def test_the_old_overlays_go_before_a_fresh_one_comes(host: FakeHost) -> None:
    machine, observed = seen(host)
    steps = ending.revert(machine, observed, host, "one", restart=False)
    assert [type(step).__name__ for step in steps] == ["CreateDisk", "Trash", "Publish"]


def test_what_is_merged_is_merged_no_more(host: FakeHost) -> None:
    """The machine writes to the disk already: what is in the overlay is older than that."""
    machine, observed = seen(host)
    steps = ending.delete(machine, observed, host, "one")
    assert [type(step).__name__ for step in steps] == ["Run", "Define", "Remove", "DeleteSnapshot"]
    assert OVERLAY not in steps[1].shell()
    facts = host.domain["lab-web"]
    lifted = facts.xml.replace(OVERLAY, DISK)
    host.domain["lab-web"] = replace(facts, xml=lifted)
    machine, observed = seen(host)
    steps = ending.delete(machine, observed, host, "one")
    assert [type(step).__name__ for step in steps] == ["Remove", "DeleteSnapshot"]


def test_a_disk_below_a_snapshot_is_neither_rebased_nor_flattened() -> None:
    host, stack = fake_host(), WEB.format(memory="64MiB", size="4GiB, image: debian")
    settle(host, image(), stack)
    take(host)
    for plan in (plan_for(host, image("trixie"), stack, rebase=("disk/web-root",)),
                 plan_for(host, image("trixie"), stack, flatten=("disk/web-root",))):
        assert "snapshots of lab-web stand on it" in blocked(plan, "disk/web-root")


def test_an_encrypted_disk_would_be_in_the_clear() -> None:
    host = fake_host()
    host.secret["KEY"] = "a key"
    settle(host, KEYED)
    machine, observed = seen(host, KEYED)
    for external in (True, False):
        with pytest.raises(Failure, match="disk root of virtualmachine/web is encrypted"):
            taking.take(machine, observed, "two", external=external, freeze=False)


@pytest.mark.parametrize("name", ["", "7", "a/b", "a.b", "-a", "x" * 64])
def test_names_that_somebody_would_misread(host: FakeHost, name: str) -> None:
    machine, observed = seen(host)
    with pytest.raises(Failure, match="is no name for a snapshot"):
        taking.take(machine, observed, name, external=True, freeze=True)


def test_an_internal_one_would_lie_in_an_overlay(host: FakeHost) -> None:
    machine, observed = seen(host)
    with pytest.raises(Failure, match="would be lost with its overlays"):
        taking.take(machine, observed, "two", external=False, freeze=True)
