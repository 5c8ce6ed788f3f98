import pytest
from lxml import etree
from msgspec.structs import replace

from tests.unit.libvirt_xml.samples import BARE, CROWD, DEEP, MACHINES, MIB, PC, USER, WEB, machine
from tiny_cloud.errors import Problems
from tiny_cloud.libvirt_xml import Domain, Forward, Interface, aligned, build, set_acceleration
from tiny_cloud.libvirt_xml.devices import free_target, serial


def tree(domain: Domain) -> etree._Element:
    return etree.fromstring(build(domain))


def texts(root: etree._Element, path: str) -> list[str]:
    found = root.xpath(path)
    assert isinstance(found, list)
    return [str(item) for item in found]


def test_memory_is_the_ballooned_memory_too() -> None:
    root = tree(machine("m", memory=3 * MIB + 1))
    assert root.findtext("memory") == root.findtext("currentMemory") == str(4 * 1024)
    assert aligned(4 * MIB) == 4 * MIB


def test_the_chain_is_written_out_to_its_end_and_its_owners_left_alone() -> None:
    disk = tree(DEEP).find("devices/disk")
    assert disk is not None
    assert texts(disk, "source/@file") == ["/srv/top & more.qcow2"]
    assert texts(disk, "driver/@type") == ["qcow2"]
    assert texts(disk, "backingStore/source/@file") == ["/srv/middle.qcow2"]
    assert texts(disk, "backingStore/backingStore/@type") == ["block"]
    assert texts(disk, "backingStore/backingStore/source/@dev") == ["/dev/vg0/base"]
    assert texts(disk, "backingStore/backingStore/format/@type") == ["raw"]
    assert texts(disk, "backingStore/backingStore/source/seclabel/@relabel") == ["no"]
    ends = [item for item in disk.iter("backingStore") if not len(item)]
    assert len(ends) == 1 and not ends[0].attrib


@pytest.mark.parametrize("domain", MACHINES, ids=lambda domain: domain.name)
def test_every_format_is_stated_and_no_confinement_is_switched_off(domain: Domain) -> None:
    root = tree(domain)
    for disk in root.findall("devices/disk"):
        named = len(disk.findall(".//source"))
        assert len(texts(disk, "driver/@type|.//format/@type")) >= named
    labels = list(root.iter("seclabel"))
    assert [label for label in labels if label.attrib != {"model": "dac", "relabel": "no"}] == []
    assert len(labels) == len(root.findall(".//backingStore/source/seclabel"))


def test_a_drive_without_a_medium_has_no_source() -> None:
    drive = tree(PC).find("devices/disk[@device='cdrom']")
    assert drive is not None
    assert drive.find("source") is None and drive.find("readonly") is not None
    assert drive.find("backingStore") is None


def test_disks_boot_before_cdroms_and_targets_follow_their_bus() -> None:
    root = tree(replace(WEB, disks=WEB.disks[::-1]))
    assert texts(root, "devices/disk/alias/@name") == [
        "ua-cdrom-install", "ua-disk-data", "ua-disk-root"]
    assert texts(root, "devices/disk/boot/@order") == ["3", "1", "2"]
    assert texts(root, "devices/disk/target/@dev") == ["sda", "sdb", "vda"]
    assert texts(tree(CROWD), "devices/disk/target/@dev")[25:28] == ["vdz", "vdaa", "vdab"]


def test_a_free_target_is_the_first_one() -> None:
    assert free_target("virtio", {"vda", "vdc"}) == "vdb"
    assert free_target("ide", {"sda"}) == "hda"
    assert free_target("sata", {f"sd{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"}) == "sdaa"


def test_a_serial_fits_and_tells_long_names_apart() -> None:
    assert serial("root") == "root"
    long, other = serial("a" * 30 + "1"), serial("a" * 30 + "2")
    assert long != other and len(long) == len(other) == 20
    assert len(serial("ä" * 30).encode()) <= 20


@pytest.mark.parametrize("domain", MACHINES, ids=lambda domain: domain.name)
def test_no_bus_has_a_target_twice(domain: Domain) -> None:
    targets = texts(tree(domain), "devices/disk/target/@dev")
    assert len(set(targets)) == len(targets) == len(domain.disks)


def test_what_is_not_asked_for_is_not_there() -> None:
    root = tree(BARE)
    assert not root.xpath("devices/channel | devices/interface | devices/disk | //log | //graphics")
    assert texts(root, "devices/video/model/@type") == ["none"]


def test_kvm_and_tcg_differ_in_type_and_cpu_only() -> None:
    tcg = build(replace(WEB, accel="auto"))
    kvm = set_acceleration(tcg, "kvm")
    assert kvm == build(replace(WEB, accel="kvm"))
    assert set_acceleration(kvm, "tcg") == tcg == build(replace(WEB, accel="tcg"))
    root = etree.fromstring(kvm)
    assert root.get("type") == "kvm"
    assert texts(root, "cpu/@mode") == ["host-passthrough"]
    assert texts(etree.fromstring(tcg), "cpu/@mode") == ["maximum"]


def test_acceleration_keeps_the_topology() -> None:
    shaped = build(WEB).replace(
        '<cpu mode="maximum" check="none"/>',
        "<cpu mode='custom'><model>Nehalem</model>"
        "<topology sockets='1' cores='2' threads='1'/></cpu>")
    root = etree.fromstring(set_acceleration(shaped, "kvm"))
    assert texts(root, "cpu/topology/@cores") == ["2"]
    assert root.find("cpu/model") is None


def test_a_control_character_is_a_problem_not_a_traceback() -> None:
    with pytest.raises(Problems, match="tct-bad cannot stand in XML"):
        build(machine("bad", console_log="/var/log/\x07"))


def test_an_unknown_chipset_is_a_problem() -> None:
    with pytest.raises(Problems, match=r"microvm.*write q35 or pc"):
        build(machine("m", machine="microvm"))


def test_a_fifth_card_with_forwards_is_a_problem() -> None:
    cards = tuple(Interface(f"e{n}", f"52:54:00:00:00:0{n}", "virtio", USER, (Forward(n + 1, 22),))
                  for n in range(5))
    with pytest.raises(Problems, match="at most 4 interfaces"):
        build(machine("m", interfaces=cards))
