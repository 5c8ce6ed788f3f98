"""Overlays are taken off a definition to compare it, and put on again to write it."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.libvirt_xml.samples import WEB
from tiny_cloud.facts import DomainFacts, Overlay, SnapshotFacts
from tiny_cloud.libvirt_xml import (
    above,
    bare,
    build,
    chains,
    oldest_first,
    overlaid,
    read,
    read_snapshot,
    write_snapshot,
)

ROOT, DATA = "/srv/vm/root.qcow2", "/dev/vg0/web-data"
FIRST = Overlay("vda", "/s/one.qcow2", ROOT, "qcow2")
BLOCK = Overlay("sda", "/s/data.qcow2", DATA, "raw")
SECOND = Overlay("vda", "/s/two.qcow2", "/s/one.qcow2", "qcow2")
SNAPSHOTS = (SnapshotFacts("one", 1, "shutoff", (FIRST, BLOCK)),
             SnapshotFacts("two", 2, "disk-snapshot", (SECOND,)))
OVER = {ROOT: ("/s/two.qcow2", "/s/one.qcow2"), DATA: ("/s/data.qcow2",)}


def facts(xml: str) -> DomainFacts:
    return DomainFacts("web", "u", xml, snapshots=SNAPSHOTS)


def test_there_and_back() -> None:
    xml = build(WEB)
    over = overlaid(xml, OVER)
    assert [layer.path for layer in chains(over)["root"]] == [
        "/s/two.qcow2", "/s/one.qcow2", ROOT, "/srv/images/debian.qcow2"]
    assert [(layer.format, layer.type) for layer in chains(over)["data"]] == [
        ("qcow2", "file"), ("raw", "block")]
    assert above(facts(over)) == OVER
    assert read(bare(facts(over)).xml) == read(xml)
    assert chains(bare(facts(over)).xml) == chains(xml)


def test_an_image_below_keeps_its_owner() -> None:
    over = overlaid(build(WEB), OVER)
    assert over.count("relabel=\"no\"") == build(WEB).count("relabel=\"no\"") > 0
    assert "relabel=\"no\"" in bare(facts(over)).xml


def test_what_libvirt_does_not_write_out_is_remembered_by_the_snapshot() -> None:
    """As it is after a snapshot of a machine that is off, whose disk stands on nothing."""
    disk = ("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
            "<source file='/s/data.qcow2'/><target dev='sda' bus='scsi'/></disk>")
    over = f"<domain><devices>{disk}</devices></domain>"
    assert above(facts(over)) == {DATA: ("/s/data.qcow2",)}
    (layer,) = chains(bare(facts(over)).xml)["sda"]
    assert (layer.path, layer.format, layer.type) == (DATA, "raw", "block")


def test_without_snapshots_a_definition_is_as_it_is() -> None:
    one = DomainFacts("web", "u", build(WEB))
    assert bare(one) is one and above(one) == {}
    assert bare(replace(facts(build(WEB)), snapshots=())).xml == build(WEB)


def test_what_libvirt_is_asked_for_is_what_it_tells() -> None:
    asked = write_snapshot("one", {"vda": "/s/one.qcow2"}, ["vdb"])
    disks = ("<disk><driver type='qcow2'/><source file='/srv/vm/root.qcow2'/><target dev='vda'/>"
             "</disk>")
    told = asked.replace("</domainsnapshot>", "<creationTime>7</creationTime><state>running</state>"
                         f"<domain><devices>{disks}</devices></domain></domainsnapshot>")
    assert read_snapshot(told) == SnapshotFacts("one", 7, "running", (FIRST,))
    assert read_snapshot(write_snapshot("in", {})).overlays == ()


def test_snapshots_of_one_second_come_in_the_order_in_which_they_stand_on_each_other() -> None:
    root = SnapshotFacts("z", 5, "shutoff")
    above_it = SnapshotFacts("m", 5, "shutoff", parent="z")
    top = SnapshotFacts("a", 5, "shutoff", parent="m")
    before = SnapshotFacts("old", 4, "shutoff", parent="deleted")
    assert oldest_first([top, above_it, root, before]) == (before, root, above_it, top)
