"""What cannot be done to a thing, and what is said then; doing it is for the real tools."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.cloud import context, fake_host, load, settle
from tests.unit.test_snapshots import DISK, OVERLAY, SMALL, seen, take
from tiny_cloud import checks, looking, targets
from tiny_cloud.errands import gc, one
from tiny_cloud.errands.commit import errand as commit
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.facts import SnapshotFacts
from tiny_cloud.host.health import Health, Verdict
from tiny_cloud.model import Address, Observed, Ownership, Unknown
from tiny_cloud.resource import Resource
from tiny_cloud.snapshots import ending, taking

Change = Callable[[etree._Element], None]


@pytest.fixture
def host() -> FakeHost:
    host = fake_host()
    settle(host, SMALL)
    return host


def snapshot(name: str) -> SnapshotFacts:
    return SnapshotFacts(name, 1, "shutoff", ())


def raw(disk: etree._Element) -> None:
    driver = disk.find("driver")
    assert driver is not None
    driver.set("type", "raw")


def remote(disk: etree._Element) -> None:
    disk.set("type", "network")


def cdrom(disk: etree._Element) -> None:
    disk.set("device", "cdrom")


def shareable(disk: etree._Element) -> None:
    etree.SubElement(disk, "shareable")


@pytest.mark.parametrize(("change", "external", "said"), [
    (shareable, True, "the disk root of virtualmachine/web is shareable"),
    (raw, False, "the disk root of virtualmachine/web is raw: only qcow2"),
    (remote, True, "the disk root of virtualmachine/web is on the network"),
    (cdrom, True, "virtualmachine/web has no disks"),
])
def test_disks_that_have_no_snapshot(
    host: FakeHost, change: Change, external: bool, said: str
) -> None:
    machine, observed = seen(host)
    root = etree.fromstring(str(observed.facts["xml"]))
    disk = root.find("devices/disk")
    assert disk is not None
    change(disk)
    observed = replace(observed, facts={**observed.facts, "xml": etree.tostring(root).decode()})
    with pytest.raises(Failure, match=said):
        taking.take(machine, observed, "two", external=external, freeze=False)


def test_an_external_disk_has_no_snapshot(host: FakeHost) -> None:
    machine, observed = seen(host)
    link = machine.links["disks[root].disk"]
    links = {"disks[root].disk": dataclasses.replace(link, spec={**link.spec, "external": True})}
    with pytest.raises(Failure, match="disk/web-root is external, and so is never changed"):
        taking.take(dataclasses.replace(machine, links=links), observed, "a", external=True,
                    freeze=False)


def test_a_name_that_is_taken_and_a_machine_that_waits(host: FakeHost) -> None:
    host.domain["lab-web"] = replace(host.domain["lab-web"], snapshots=(snapshot("one"),))
    machine, observed = seen(host)
    with pytest.raises(Failure, match="virtualmachine/web has a snapshot one already"):
        taking.take(machine, observed, "one", external=False, freeze=False)
    with pytest.raises(Failure, match="waits for a restart: memory; what runs is not"):
        taking.take(machine, replace(observed, pending=("memory",)), "two", external=False,
                    freeze=False)


def test_what_is_not_reverted(host: FakeHost) -> None:
    take(host)
    machine, observed = seen(host)
    with pytest.raises(Failure, match="web is running, and is switched off to be reverted"):
        ending.revert(machine, replace(observed, running=True), host, "one", restart=False)
    with pytest.raises(Failure, match="has no snapshot two") as caught:
        ending.revert(machine, observed, host, "two", restart=False)
    assert caught.value.hint == "there are: one"
    facts = host.domain["lab-web"]
    host.domain["lab-web"] = replace(facts, xml=facts.xml.replace(OVERLAY, DISK))
    machine, observed = seen(host)
    with pytest.raises(Failure, match="the snapshot one of virtualmachine/web is deleted in part"):
        ending.revert(machine, observed, host, "one", restart=False)


def test_an_older_one_below_overlays_stays(host: FakeHost) -> None:
    take(host)
    facts = host.domain["lab-web"]
    host.domain["lab-web"] = replace(facts, snapshots=(snapshot("old"), *facts.snapshots))
    machine, observed = seen(host)
    with pytest.raises(Failure, match="snapshot one of virtualmachine/web is newer than old"):
        ending.delete(machine, observed, host, "old")


def test_an_overlay_that_is_gone_or_cannot_be_read(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(host)
    machine, observed = seen(host)
    monkeypatch.setattr(host, "files", lambda paths: {})
    with pytest.raises(Failure, match=f"{OVERLAY} is gone: a revert was cut off"):
        ending.delete(machine, observed, host, "one")
    monkeypatch.setattr(host, "files", lambda paths: {OVERLAY: Unknown("may not be read", "run")})
    with pytest.raises(Failure, match="may not be read"):
        ending.revert(machine, observed, host, "one", restart=False)


def test_one_thing_that_is_not_there_or_not_ours(host: FakeHost) -> None:
    machine, observed = seen(host)
    with pytest.raises(Failure, match="there is no disk or virtualmachine called wbe") as caught:
        one.named([machine], Address("disk", "wbe"), Address("virtualmachine", "wbe"))
    assert caught.value.hint == "there are: virtualmachine/web"
    with pytest.raises(Failure, match="virtualmachine/web is not there"):
        one.observed(machine, {})
    with pytest.raises(Failure, match="virtualmachine/web cannot be observed: no rights"):
        one.observed(machine, {machine.address: Unknown("no rights", "run as root")})
    foreign = replace(observed, ownership=Ownership.FOREIGN, owner="it belongs to cloud other")
    with pytest.raises(Failure, match="virtualmachine/web: it belongs to cloud other"):
        one.observed(machine, {machine.address: foreign})
    external = dataclasses.replace(machine, spec={**machine.spec, "external": True})
    with pytest.raises(Failure, match="virtualmachine/web is external: nothing of it"):
        one.observed(external, {machine.address: observed})


def test_a_disk_in_use_is_not_mended(host: FakeHost) -> None:
    found = load(SMALL, host=host)
    disk = next(item for item in found.resources if item.address.kind == "disk")
    busy = Observed({}, running=True, users=("lab-web",))
    finding = checks.Finding(disk, Health(DISK, Verdict.CORRUPT))
    with pytest.raises(Failure, match="disk/web-root is in use by lab-web"):
        checks.repair([finding], copy=True)(
            host, context(host.cloud), [], [], {disk.address: busy})


def test_a_disk_that_is_not_there_makes_no_image(host: FakeHost) -> None:
    source, target = Address("disk", "web-root"), Address("image", "golden")
    known = load(SMALL, host=host).resources
    disk = next(item for item in known if item.address == source)
    for actual, said in (({}, "it is not there"),
                         ({source: Unknown("no rights", "run as root")}, "no rights")):
        with pytest.raises(Failure, match=f"disk/web-root cannot be read: {said}"):
            commit(source, target)(host, context(host.cloud), [disk], [], actual)


def test_nothing_is_collected_below_what_cannot_be_read(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "images", lambda tops: {DISK: Unknown("no rights", "run as root")})
    with pytest.raises(Failure, match=f"what {DISK} stands on is not known: no rights") as caught:
        gc.collect(host, context(host.cloud), [], [], {})
    assert caught.value.hint == "run as root"


def looked(machine: Resource) -> None:
    list(looking._disks(machine))


def test_a_machine_without_disks_shows_none(host: FakeHost) -> None:
    machine, _ = seen(host)
    with pytest.raises(Failure, match="virtualmachine/web has no disks"):
        looked(dataclasses.replace(machine, links={}))


def test_targets_that_nothing_is_called(host: FakeHost) -> None:
    found = load(SMALL, host=host)
    with pytest.raises(Problems, match="nothing that is declared is called disk/x"):
        targets.wanted(found.resources, ["disk/x"], "")


def test_a_reference_that_is_lost(host: FakeHost) -> None:
    machine, _ = seen(host)
    with pytest.raises(Failure, match=r"has lost what its field disks\[root\].disk refers to"):
        dataclasses.replace(machine, links={}).link("disks[root].disk")
