"""What a manifest says nothing of stays as somebody made it, also where a new one has a default."""

from typing import Any

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.unit.libvirt_xml.samples import machine
from tiny_cloud.libvirt_xml import (
    DiskDevice,
    Domain,
    Interface,
    Layer,
    Source,
    adoption,
    build,
    declared,
    live_changes,
    merge,
    pending,
    read,
    with_passwords,
)
from tiny_cloud.libvirt_xml.graft import canonical

THEIRS = """<domain type='qemu'>
  <name>x</name><uuid>00000000-0000-4000-8000-000000000001</uuid>
  <memory unit='KiB'>262144</memory><currentMemory unit='KiB'>262144</currentMemory>
  <vcpu current='2'>8</vcpu><vcpus><vcpu id='0' enabled='yes'/></vcpus>
  <os><type machine='pc-i440fx-7.2'>hvm</type><boot dev='network'/><boot dev='hd'/></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' discard='ignore' detect_zeroes='on'/>
      <source file='/d/root'/><backingStore/><target dev='sda' bus='sata' removable='on'/>
      <readonly/><serial>THEIRS</serial></disk>
    <disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
      <target dev='hdc' bus='ide'/><readonly/></disk>
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='lan'/>
      <model type='e1000'/></interface>
    <serial type='pty'><log file='/their/log'/><target port='0'/></serial>
    <tpm model='tpm-crb'><backend type='emulator' version='2.0' persistent_state='yes'/></tpm>
    <input type='tablet' bus='usb'/><input type='tablet' bus='usb'/>
    <filesystem type='mount' accessmode='passthrough'>
      <source dir='/srv'/><target dir='share'/><readonly/></filesystem>
  </devices>
</domain>"""
ROOT = DiskDevice("root", "", (Layer("/d/root", "qcow2"),))
CD = DiskDevice("cd", "ide", (), readonly=True, device="cdrom")
CARD = Interface("eth0", "52:54:00:00:00:01", "", Source("network", "lan"))
SPEC: dict[str, Any] = {
    "cdroms": [{"name": "cd", "bus": "ide"}], "tpm": {"model": "tpm-crb"},
    "inputs": [{"name": "one", "type": "tablet"}],
    "filesystems": [{"name": "share", "path": "/srv", "driver": "9p"}],
}
OURS = machine("x", machine="", disks=(ROOT, CD), interfaces=(CARD,), agent=None, cpus=2,
               console_log="", logs="/our/logs", spec=SPEC, stamp={})


def named(xml: str = THEIRS) -> str:
    return adoption.named(xml, [CARD], {"root": ["/d/root"]}, SPEC)


def merged(xml: str, domain: Domain) -> Any:
    return etree.fromstring(merge(xml, domain))


def test_taking_over_adds_the_stamp_and_our_names_alone() -> None:
    root = merged(named(), OURS)
    root.remove(root.find("metadata"))
    for device in root.find("devices"):
        for alias in device.findall("alias"):
            device.remove(alias)
    assert canonical(root) == canonical(etree.fromstring(THEIRS))


def test_all_that_is_declared_gets_our_names() -> None:
    names = etree.fromstring(named()).xpath("devices/*/alias/@name")
    assert names == ["ua-disk-root", "ua-cdrom-cd", "ua-net-eth0", "ua-input-one", "ua-fs-share"]
    assert named(named()) == named()


def test_a_card_with_a_mac_is_not_taken_by_one_without() -> None:
    cards = [replace(CARD, name="first", mac=""), CARD]
    names = etree.fromstring(adoption.named(THEIRS, cards, {}, {})).xpath("//alias/@name")
    assert names == ["ua-net-eth0"]


def test_a_drive_is_known_by_its_medium_before_its_bus() -> None:
    two = THEIRS.replace("<serial type", "<disk type='file' device='cdrom'><source file='/a.iso'/>"
                         "<target dev='sdb' bus='sata'/></disk><serial type")
    drives = [{"name": "a", "path": "/a.iso", "bus": "ide"}, {"name": "b", "bus": "ide"}]
    root = etree.fromstring(adoption.named(two, [], {}, {"cdroms": drives}))
    assert root.xpath("devices/disk[alias/@name='ua-cdrom-a']/target/@dev") == ["sdb"]
    assert root.xpath("devices/disk[alias/@name='ua-cdrom-b']/target/@dev") == ["hdc"]


def test_what_is_no_longer_declared_becomes_what_a_new_one_has() -> None:
    gone = {f"disks[root].{word}" for word in ("serial", "discard", "readonly")}
    spec = {"disks": [{"name": "root"}]}
    (disk,) = declared.disks(spec, lambda name: ROOT.chain, gone)
    root = merged(named(), replace(OURS, disks=(disk, CD)))
    (element,) = root.xpath("devices/disk[alias/@name='ua-disk-root']")
    assert element.findtext("serial") == "root" and element.find("readonly") is None
    assert element.find("driver").get("discard") == "unmap"


@pytest.mark.parametrize(
    ("order", "new", "found"),
    [
        ({"cd": 1, "root": 2}, "data", ["cd", "root", "data"]),
        ({"cd": 1}, "", ["cd"]),
        ({"root": 3, "cd": 7}, "", ["root", "cd"]),
        ({}, "data", ["data"]),
    ],
)
def test_a_new_disk_finds_its_turn_among_those_that_are_there(
    order: dict[str, int], new: str, found: list[str]
) -> None:
    xml = etree.fromstring(named())
    for boot in xml.findall("os/boot"):
        xml.find("os").remove(boot)
    for name, turn in order.items():
        (disk,) = xml.xpath(f"//disk[alias[contains(@name, '-{name}')]]")
        etree.SubElement(disk, "boot", order=str(turn))
    more = tuple(replace(ROOT, name=name, chain=(Layer(f"/d/{name}", "raw"),))
                 for name in [new] if name)
    text = etree.tostring(xml, encoding="unicode")
    root = merged(text, replace(OURS, disks=(ROOT, *more, CD)))
    ordered = sorted(root.xpath("//disk[boot]"), key=lambda d: int(d.find("boot").get("order")))
    names = [disk.find("alias").get("name").rpartition("-")[2] for disk in ordered]
    assert names == found


def test_a_console_log_of_somebody_elses_stays_and_ours_goes() -> None:
    assert merged(named(), OURS).xpath("//serial/log/@file") == ["/their/log"]
    ours = named().replace("/their/log", "/our/logs/x.log")
    assert merged(ours, OURS).xpath("//serial/log") == []


def test_a_machine_without_a_serial_port_gets_none_for_no_log() -> None:
    root = etree.fromstring(named())
    for serial in root.findall("devices/serial"):
        root.find("devices").remove(serial)
    xml = etree.tostring(root, encoding="unicode")
    assert merged(xml, OURS).find("devices/serial") is None
    assert merged(xml, replace(OURS, console_log="/our/logs/x")).find("devices/serial") is not None


def test_processors_keep_their_room() -> None:
    vcpu = merged(named(), replace(OURS, cpus=3)).find("vcpu")
    assert (vcpu.get("current"), vcpu.text) == ("3", "8")
    assert merged(named(), replace(OURS, gone=frozenset({"maxCpus"}))).findtext("vcpu") == "2"
    assert merged(named(), OURS).find("vcpus") is not None


def test_a_new_machine_has_the_defaults() -> None:
    root = etree.fromstring(build(replace(OURS, disks=(ROOT,), cpus=1, spec={})))
    assert root.find("os/type").get("machine") == "q35"
    assert root.xpath("//disk/target/@bus") == root.xpath("//interface/model/@type") == ["virtio"]


def test_devices_that_run_go_by_the_names_of_the_definition() -> None:
    """Two of a kind in their order; no guest sees anything of it."""
    live = THEIRS.replace("<input type='tablet' bus='usb'/>",
                          "<input type='tablet' bus='usb'><alias name='input0'/></input>", 1)
    fields = read(live_changes.named(live, named()))
    assert fields["inputs[one].type"] == "tablet" and "filesystems[share].path" in fields
    assert pending(named(), live_changes.named(live, named())) == ()


def test_what_a_definition_leaves_to_the_start_does_not_wait_for_one() -> None:
    screen = "<graphics type='vnc' autoport='yes'>{}</graphics><tpm model"
    defined = THEIRS.replace("<tpm model", screen.format("<listen type='address'/>"))
    live = THEIRS.replace("<tpm model", screen.format(
        "<listen type='address' address='127.0.0.1'/>")).replace(
            "discard='ignore'", "discard='ignore' cache='none'")
    assert pending(defined, live) == ()
    assert pending(defined.replace("type='address'", "type='none'"), live) == (
        "graphics.vnc.listen",)


def test_passwords_of_screens_that_are_still_there() -> None:
    xml = "<domain><devices><graphics type='vnc'/></devices></domain>"
    secure = ("<domain><devices><graphics type='vnc' passwd='a'/>"
              "<graphics type='spice' passwd='b'/></devices></domain>")
    root = etree.fromstring(with_passwords(xml, secure))
    assert [dict(screen.attrib) for screen in root.iter("graphics")] == [
        {"type": "vnc", "passwd": "a"}]
    assert "passwd" not in with_passwords(xml, xml)
