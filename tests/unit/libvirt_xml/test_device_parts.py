"""What the parts of a definition do that no libvirt need be asked about."""

from collections.abc import Mapping
from typing import Any

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.unit.libvirt_xml.samples import machine
from tiny_cloud.libvirt_xml import Interface, Source, build, merge, read
from tiny_cloud.libvirt_xml.graft import canonical
from tiny_cloud.libvirt_xml.parts import single

ADDRESS = "<address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>"
THEIRS = f"""<domain type='qemu'>
  <name>old</name><uuid>00000000-0000-4000-8000-000000000001</uuid>
  <memory unit='GiB'>1</memory><vcpu>1</vcpu>
  <os><type machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <controller type='usb' index='0' model='qemu-xhci'>{ADDRESS}</controller>
    <input type='tablet' bus='usb'><address type='usb' bus='0' port='1'/></input>
    <input type='keyboard' bus='ps2'/>
    <graphics type='vnc' port='5907' autoport='no' listen='127.0.0.1' keymap='de'>
      <listen type='address' address='127.0.0.1'/></graphics>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>
      <rom bar='off'/>{ADDRESS}</hostdev>
    <filesystem type='mount' accessmode='passthrough'><driver type='virtiofs' queue='512'/>
      <binary path='/opt/virtiofsd'/><source dir='/old'/><target dir='share'/>{ADDRESS}</filesystem>
    <watchdog model='itco' action='reset'/>
    <watchdog model='ib700' action='pause'/>
    <sound model='ac97'>{ADDRESS}</sound>
  </devices>
</domain>"""
"""Somebody's own machine; with an itco, as newer libvirts write it."""


def merged(xml: str, spec: Mapping[str, Any], *gone: str) -> Any:
    return etree.fromstring(merge(xml, machine("old", spec=spec, gone=frozenset(gone))))


def one(root: Any, path: str) -> Any:
    found = root.xpath(f"devices/{path}")
    assert len(found) == 1, f"{len(found)} of {path}"
    return found[0]


def devices(root: Any) -> list[str]:
    """Without what every machine of ours has: ports, a console, a channel."""
    return sorted(canonical(item) for item in root.iterfind("devices/*")
                  if item.tag not in ("controller", "serial", "console", "channel"))


def test_what_is_not_declared_stays_as_it_is() -> None:
    root = merged(THEIRS, {})
    assert devices(root) == devices(etree.fromstring(THEIRS))
    assert one(root, "controller[@type='usb']").get("model") == "qemu-xhci"


def test_a_device_of_theirs_that_we_declare_is_taken_over_in_its_place() -> None:
    root = merged(THEIRS, {
        "hostDevices": [{"name": "gpu", "pci": "0000:01:00.0"}],
        "filesystems": [{"name": "share", "path": "/new"}],
        "inputs": [{"name": "pen", "type": "tablet"}, {"name": "keys", "type": "keyboard",
                                                       "bus": "ps2"}],
    })
    card, share = one(root, "hostdev"), one(root, "filesystem")
    assert card.find("alias").get("name") == "ua-hostdev-gpu"
    assert card.find("rom").get("bar") == "off" and card.find("address").get("bus") == "0x05"
    assert share.find("source").get("dir") == "/new"
    assert share.find("driver").get("queue") == "512"
    assert share.find("binary") is not None and share.find("address").get("bus") == "0x05"
    assert one(root, "input[alias/@name='ua-input-pen']").find("address").get("port") == "1"
    assert len(root.findall("devices/input")) == 2


def test_another_driver_is_another_device() -> None:
    root = merged(THEIRS, {"filesystems": [{"name": "share", "path": "/old", "driver": "9p",
                                            "readonly": True}]})
    share = one(root, "filesystem")
    assert share.find("binary") is None and share.find("address") is None
    assert share.find("readonly") is not None
    assert root.find("memoryBacking") is None


def test_ours_goes_when_it_is_no_longer_declared_and_theirs_stays() -> None:
    ours = {"hostDevices": [{"name": "stick", "usb": "1d6b:0002"}], "sound": "ich9",
            "inputs": [{"name": "pen", "type": "mouse"}], "panic": True,
            "watchdog": {"model": "i6300esb"}}
    root = merged(THEIRS, ours)
    assert one(root, "watchdog[@model='i6300esb']/alias").get("name") == "ua-watchdog"
    assert one(root, "watchdog[@model='itco']") is not None
    assert {"hostDevices[stick].usb", "inputs[pen].type"} <= set(read(etree.tostring(root)))
    again = merged(etree.tostring(root, encoding="unicode"), {})
    assert again.xpath("devices/*[starts-with(alias/@name, 'ua-')][not(self::serial)]"
                       "[not(self::console)][not(self::channel)]") == []
    assert one(again, "hostdev/rom") is not None and len(again.findall("devices/input")) == 2


def test_a_screen_keeps_what_else_it_is_and_goes_when_it_was_declared() -> None:
    root = merged(THEIRS, {"graphics": {"vnc": {"port": 5908}}})
    screen = one(root, "graphics")
    assert dict(screen.attrib) == {"type": "vnc", "keymap": "de", "autoport": "no", "port": "5908"}
    assert read(etree.tostring(merged(THEIRS, {"graphics": {"vnc": {}}})))[
        "graphics.vnc.port"] == "auto"
    assert merged(THEIRS, {}).find("devices/graphics") is not None
    gone = merged(THEIRS, {}, "graphics.vnc.listen", "graphics.vnc.port")
    assert gone.find("devices/graphics") is None


def test_another_usb_controller_has_other_ports() -> None:
    root = merged(THEIRS, {"usb": "ich9-ehci1"})
    models = [item.get("model") for item in root.iterfind("devices/controller[@type='usb']")]
    assert models == ["ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3"]
    assert one(root, "input[@type='tablet']").find("address") is None
    assert read(etree.tostring(root))["usb"] == "ich9-ehci1"
    assert read(etree.tostring(merged(THEIRS, {"usb": "none"})))["usb"] == "none"


@pytest.mark.parametrize(("backing", "after"), [
    ("", "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"),
    ("<memoryBacking><hugepages/></memoryBacking>",
     "<memoryBacking><hugepages/><access mode='shared'/></memoryBacking>"),
    ("<memoryBacking><source type='file'/><locked/></memoryBacking>",
     "<memoryBacking><source type='file'/><locked/><access mode='shared'/></memoryBacking>"),
    ("<memoryBacking><source type='memfd'/><access mode='private'/></memoryBacking>",
     "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"),
])
def test_virtiofs_shares_the_memory(backing: str, after: str) -> None:
    bare = THEIRS[:THEIRS.index("<devices>")] + f"{backing}<devices/></domain>"
    root = merged(bare, {"filesystems": [{"name": "share", "path": "/srv"}]})
    found = root.find("memoryBacking")
    assert canonical(found) == canonical(etree.fromstring(after))
    gone = merged(etree.tostring(root, encoding="unicode"), {}).find("memoryBacking")
    ours_alone = "memfd" in after
    assert gone is None if ours_alone else canonical(gone) == canonical(found)


def test_attributes_are_compared_whatever_their_order() -> None:
    old = etree.fromstring("<watchdog model='i6300esb' action='reset'><alias name='a'/></watchdog>")
    for fresh, covered in (("<watchdog action='reset'/>", True),
                           ("<watchdog action='pause'/>", False),
                           ("<watchdog action='reset' model='i6300esb'/>", True),
                           ("<watchdog model='i6300esb'><alias name='b'/></watchdog>", False)):
        assert single.covers(old, etree.fromstring(fresh)) is covered, fresh


@pytest.mark.parametrize(("spec", "ports", "bridges"), [
    ({}, 0, 0),
    ({"sound": "ich9", "panic": True, "watchdog": {"model": "ib700"}, "video": "virtio"}, 0, 0),
    ({"usb": "none"}, -1, 0),
    ({"usb": "ich9-ehci1"}, -1, 0),
    ({"usb": "piix3-uhci"}, 0, 1),
    ({"sound": "ac97", "watchdog": {"model": "i6300esb"}}, 1, 1),
    ({"inputs": [{"name": "a", "type": "mouse", "bus": "virtio"},
                 {"name": "b", "type": "mouse", "bus": "usb"}]}, 1, 0),
    ({"hostDevices": [{"name": "a", "pci": "0000:01:00.0"}, {"name": "b", "usb": "1d6b:0002"}]},
     1, 0),
    ({"filesystems": [{"name": "a", "path": "/srv"}, {"name": "b", "path": "/x", "driver": "9p"}]},
     2, 0),
])
def test_ports_for_what_needs_one(spec: dict[str, Any], ports: int, bridges: int) -> None:
    """As libvirt 9.0 places them (tests/integration/test_devices.py sees that 8 stay free)."""
    def count(spec: dict[str, Any], model: str) -> int:
        root = etree.fromstring(build(machine("m", spec=spec)))
        return len(root.findall(f"devices/controller[@model='{model}']"))

    assert count(spec, "pcie-root-port") == count({}, "pcie-root-port") + ports
    assert count(spec, "pcie-to-pci-bridge") == bridges


def test_a_cards_own_words_are_kept_unless_declared() -> None:
    card = Interface("eth0", "52:54:00:00:00:01", "virtio", Source("bridge", "br0"), mtu=9000,
                     link="down")
    domain = machine("m", interfaces=(card,))
    first = build(domain)
    assert read(first)["interfaces[eth0].mtu"] == 9000
    for mtu, link, fields in ((None, "", (9000, "down")), (1400, "up", (1400, "up")),
                              (0, "up", (None, "up"))):
        xml = merge(first, replace(domain, interfaces=(replace(card, mtu=mtu, link=link),)))
        found = read(xml)
        assert (found.get("interfaces[eth0].mtu"), found["interfaces[eth0].link"]) == fields
