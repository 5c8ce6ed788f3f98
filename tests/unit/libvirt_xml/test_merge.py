from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.unit.libvirt_xml.samples import MIB, USER, WEB, machine, overlay
from tiny_cloud.errors import Problems
from tiny_cloud.libvirt_xml import (
    DiskDevice,
    Domain,
    Forward,
    Interface,
    Layer,
    Source,
    build,
    merge,
    read,
    stamp_of,
)
from tiny_cloud.libvirt_xml.graft import canonical

DEFINED = (Path(__file__).parent / "defined.xml").read_text()
PLAIN = """<domain type='kvm'>
  <name>old</name><uuid>00000000-0000-4000-8000-000000000001</uuid>
  <memory unit='GiB'>1</memory><vcpu current='1'>4</vcpu><vcpus><vcpu id='0' enabled='yes'/></vcpus>
  <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type><boot dev='hd'/></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/>
      <source file='/srv/vm/root.qcow2'/><target dev='vdc' bus='virtio'/>
      <iotune><total_iops_sec>100</total_iops_sec></iotune>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x07' function='0x0'/></disk>
    <interface type='bridge'><mac address='52:54:00:AA:00:01'/><source bridge='br0'/>
      <model type='virtio'/><mtu size='9000'/></interface>
    <serial type='pty'><log file='/old.log'/><target port='0'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>
</domain>"""
"""Somebody's own machine, about to be adopted."""
OLD = machine("old", machine="pc", disks=(overlay("root"),), console_log="/new.log",
              interfaces=(
                  Interface("eth0", "52:54:00:aa:00:01", "virtio", Source("bridge", "br0")),))


def merged(xml: str, domain: Domain) -> Any:
    return etree.fromstring(merge(xml, domain))


def device(root: Any, alias: str) -> Any:
    found = root.xpath(f"devices/*[alias/@name='{alias}']")
    assert len(found) == 1, f"{len(found)} devices {alias}"
    return found[0]


def test_the_same_again_changes_nothing() -> None:
    assert canonical(merged(DEFINED, WEB)) == canonical(etree.fromstring(DEFINED))


def test_only_what_changed_changes() -> None:
    root = merged(DEFINED, replace(WEB, memory=512 * MIB, cpus=3))
    root.find("memory").text = root.find("currentMemory").text = str(256 * 1024)
    root.find("vcpu").text = "2"
    assert canonical(root) == canonical(etree.fromstring(DEFINED))


@pytest.mark.parametrize("accel", ["kvm", "tcg"])
def test_a_declared_acceleration_is_set_and_auto_leaves_what_is(accel: str) -> None:
    xml = merge(DEFINED, replace(WEB, accel=accel))
    assert read(xml)["accel"] == accel
    assert read(merge(xml, replace(WEB, accel="auto")))["accel"] == accel


def test_a_removed_disk_goes_and_the_others_stay_where_they_were() -> None:
    before, root = etree.fromstring(DEFINED), merged(DEFINED, replace(WEB, disks=WEB.disks[1:]))
    assert not root.xpath("devices/*[alias/@name='ua-disk-root']")
    for part in ("target", "address"):
        assert canonical(device(root, "ua-disk-data").find(part)) == canonical(
            device(before, "ua-disk-data").find(part))


def test_a_new_disk_takes_the_first_free_target() -> None:
    root = merged(DEFINED, replace(WEB, disks=(
        overlay("first", "scsi"), *WEB.disks, overlay("second"))))
    assert device(root, "ua-disk-first").find("target").get("dev") == "sdc"
    assert device(root, "ua-disk-second").find("target").get("dev") == "vdb"
    assert device(root, "ua-disk-root").find("target").get("dev") == "vda"


def test_another_bus_is_another_place() -> None:
    moved = replace(WEB.disks[0], bus="sata")
    disk = device(merged(DEFINED, replace(WEB, disks=(moved, *WEB.disks[1:]))), "ua-disk-root")
    assert disk.find("address") is None
    assert disk.find("target").attrib == {"dev": "sdc", "bus": "sata"}


def test_another_base_replaces_the_chain() -> None:
    new = replace(WEB.disks[0], chain=(WEB.disks[0].chain[0], Layer("/srv/images/new.raw", "raw")))
    disk = device(merged(DEFINED, replace(WEB, disks=(new, *WEB.disks[1:]))), "ua-disk-root")
    assert disk.xpath("backingStore/source/@file") == ["/srv/images/new.raw"]
    assert disk.xpath("backingStore/format/@type") == ["raw"]


def test_a_file_becomes_a_device() -> None:
    new = replace(WEB.disks[0], chain=(Layer("/srv/vm/root.qcow2", "raw", "block"),))
    disk = device(merged(DEFINED, replace(WEB, disks=(new, *WEB.disks[1:]))), "ua-disk-root")
    assert disk.get("type") == "block"
    assert disk.find("source").attrib == {"dev": "/srv/vm/root.qcow2"}


def test_an_ejected_medium() -> None:
    empty = replace(WEB.disks[2], chain=())
    root = merged(DEFINED, replace(WEB, disks=(*WEB.disks[:2], empty)))
    assert device(root, "ua-cdrom-install").find("source") is None


def test_a_card_changes_its_network_and_keeps_its_place() -> None:
    card = replace(WEB.interfaces[0], source=Source("bridge", "br0"))
    root = merged(DEFINED, replace(WEB, interfaces=(card, WEB.interfaces[1])))
    element = device(root, "ua-net-eth0")
    assert element.get("type") == "bridge"
    assert element.xpath("source/@bridge") == ["br0"] and not element.xpath("source/@network")
    before = device(etree.fromstring(DEFINED), "ua-net-eth0")
    assert element.xpath("address/@bus") == before.xpath("address/@bus")


def test_a_conventional_card_cannot_stay_in_an_express_slot() -> None:
    card = replace(WEB.interfaces[0], model="e1000")
    root = merged(DEFINED, replace(WEB, interfaces=(card, WEB.interfaces[1])))
    assert device(root, "ua-net-eth0").find("address") is None
    assert root.xpath("count(devices/controller[@model='pcie-to-pci-bridge'])") == 1.0


def test_forwards_come_and_go() -> None:
    eth0, eth1 = WEB.interfaces
    swapped = (replace(eth0, source=USER, forwards=(Forward(80, 8080),)),
               replace(eth1, forwards=()))
    xml = merge(DEFINED, replace(WEB, interfaces=swapped))
    fields = read(xml)
    assert fields["interfaces[eth0].user.forward"] == (Forward(80, 8080).text(),)
    assert fields["interfaces[eth1].user.forward"] == ()
    assert xml.count(eth0.mac) == xml.count(eth1.mac) == 1


def test_agent_and_console() -> None:
    xml = merge(DEFINED, replace(WEB, agent=False, console_log="/elsewhere.log"))
    assert read(xml)["guestAgent"] is False
    root = etree.fromstring(xml)
    assert root.xpath("devices/*/log/@file") == ["/elsewhere.log"] * 2
    silent = merged(xml, replace(WEB, agent=True, console_log=""))
    assert not silent.xpath("//log")
    assert silent.xpath("count(devices/channel)") == 1.0


def test_spare_ports_grow_and_shrink() -> None:
    for wanted in (0, 3, 12):
        assert read(merge(DEFINED, replace(WEB, spare_ports=wanted)))["sparePorts"] == wanted
    grown = merged(DEFINED, replace(WEB, disks=(*WEB.disks, overlay("new"))))
    ports = grown.findall("devices/controller[@model='pcie-root-port']")
    before = etree.fromstring(DEFINED).findall("devices/controller[@model='pcie-root-port']")
    assert len(ports) == len(before) + 1, "the new disk needs a port and must not eat a spare one"


def test_adopting_does_not_plug_in_twice() -> None:
    """Found by path and MAC; uuid, name, place and what others have set stay."""
    root = merged(PLAIN, OLD)
    assert root.findtext("name") == "old"
    assert root.findtext("uuid") == "00000000-0000-4000-8000-000000000001"
    assert stamp_of(merge(PLAIN, OLD)) == {
        **OLD.stamp, "uuid": "00000000-0000-4000-8000-000000000001"}
    disk, card = device(root, "ua-disk-root"), device(root, "ua-net-eth0")
    assert len(root.findall("devices/disk")) == len(root.findall("devices/interface")) == 1
    assert disk.xpath("target/@dev") == ["vdc"] and disk.xpath("address/@slot") == ["0x07"]
    assert disk.xpath("driver/@cache") == ["none"] and disk.xpath("iotune/total_iops_sec")
    assert card.xpath("mtu/@size") == ["9000"]
    assert root.xpath("devices/serial/log/@file") == ["/new.log"]


def test_adopting_takes_the_old_settings_away() -> None:
    root = merged(PLAIN, OLD)
    assert root.get("type") == "kvm"
    assert root.findtext("memory") == root.findtext("currentMemory") == str(256 * 1024)
    assert dict(root.find("vcpu").attrib) == {"current": "2"} and root.findtext("vcpu") == "4"
    assert root.find("vcpus") is None
    assert root.find("os/boot") is not None and not root.xpath("//disk/boot/@order")


def test_somebodys_boot_wish_is_left_alone() -> None:
    wish = PLAIN.replace("<boot dev='hd'/>", "<boot dev='network'/>")
    assert not merged(wish, OLD).xpath("devices/disk/boot")
    ordered = PLAIN.replace("<boot dev='hd'/>", "").replace(
        "</devices>", "<hostdev><boot order='1'/></hostdev></devices>")
    assert merged(ordered, OLD).xpath("devices/*/boot/@order") == ["1"]


def test_a_definition_without_anything() -> None:
    xml = merge("<domain type='qemu'><os><type machine='q35'>hvm</type></os></domain>", WEB)
    assert read(xml).items() >= {
        key: value for key, value in read(build(WEB)).items()
        if key not in ("sparePorts", "cpu.mode", "usb")}.items()


def test_a_control_character_is_a_problem() -> None:
    bad = DiskDevice("root", "virtio", (Layer("/srv/\x1b[2J", "raw"),))
    with pytest.raises(Problems, match="tct-web cannot stand in XML"):
        merge(DEFINED, replace(WEB, disks=(bad,)))
