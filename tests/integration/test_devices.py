"""Every device that a machine can have, with every value, on real libvirt and qemu.

The guests have no system (SeaBIOS looks for one and gives up), so they start at once and never obey
the power button.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree
from msgspec.structs import replace

from tests.integration.lab import Lab, virsh
from tests.unit.libvirt_xml.samples import machine
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.libvirt_xml import Domain, build, merge, read

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BRIDGE, CARD = "tctdbr", "tctdcard"
CONSENTS = ("--restart", "*", "--force-off", "*")
OTHERS = ("ua-input-", "ua-hostdev-", "ua-fs-", "ua-sound", "ua-watchdog", "ua-panic")
"""Aliases of the devices that this file is about."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab.make("tctd")
    try:
        ip("link", "add", BRIDGE, "mtu", "1300", "up", "type", "bridge")
        ip("link", "add", CARD, "up", "type", "veth", "peer", "name", f"{CARD}1")
        yield lab
    finally:
        lab.clean()
        for name in (BRIDGE, CARD):
            ip("link", "delete", name)
        for log in Path("/var/log/libvirt/qemu").glob("tctd-*.log"):
            log.unlink()


def ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True)


def declare(lab: Lab, name: str, **fields: Any) -> None:
    spec = {"cpus": 1, "memory": "64MiB", "accel": "tcg", "autostart": False, "stopTimeout": 1}
    lab.write(name, yaml.safe_dump(
        {"kind": "VirtualMachine", "metadata": {"name": name}, "spec": spec | fields}))


def inactive(lab: Lab, name: str) -> str:
    return virsh("dumpxml", "--inactive", lab.domain(name))


def aliases(lab: Lab, name: str) -> set[str]:
    found = etree.fromstring(inactive(lab, name)).iterfind("devices/*/alias")
    return {str(alias.get("name")) for alias in found}


def validate(xml: str, folder: Path) -> None:
    file = folder / "domain.xml"
    file.write_text(xml)
    argv = ["virt-xml-validate", str(file), "domain"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def settled(lab: Lab) -> None:
    """Nothing is left to do, and nothing waits for a restart."""
    assert lab.plan() == {"notes": []}


def watchdog(model: str, action: str) -> dict[str, str]:
    return {"model": model, "action": action}


def inputs(bus: str, *types: str) -> list[dict[str, str]]:
    return [{"name": f"my-{kind}", "type": kind, "bus": bus} for kind in types]


def card(model: str, **socket: Any) -> list[dict[str, Any]]:
    return [{"name": "eth0", "model": model, **(socket or {"user": {}})}]


def shapes(lab: Lab) -> list[dict[str, Any]]:
    """Together they have every value of every field; each machine goes from one to the next."""
    share, other = ({"path": str(lab.folder / name)} for name in ("share", "other"))
    return [
        {"video": "virtio", "sound": "ich9", "usb": "qemu-xhci", "panic": True,
         "graphics": {"vnc": {}}, "watchdog": watchdog("i6300esb", "reset"),
         "inputs": inputs("usb", "tablet", "keyboard"),
         "interfaces": card("virtio", bridge=BRIDGE, link="down", mtu=1280)},
        {"video": "vga", "sound": "ich6", "usb": "ich9-ehci1", "panic": False,
         "graphics": {"spice": {"listen": "socket"}}, "watchdog": watchdog("ib700", "poweroff"),
         "inputs": inputs("usb", "mouse"), "interfaces": card("e1000", bridge=BRIDGE, link="up")},
        {"video": "bochs", "sound": "ac97", "usb": "piix3-uhci",
         "graphics": {"vnc": {"port": 5977}, "spice": {"listen": "::1", "port": 5978}},
         "watchdog": watchdog("i6300esb", "pause"),
         "inputs": inputs("virtio", "tablet", "mouse", "keyboard"),
         "interfaces": card("rtl8139", direct={"device": CARD, "mode": "vepa"})},
        {"video": "cirrus", "sound": "sb16", "usb": "none",
         "graphics": {"vnc": {"listen": "socket"}}, "watchdog": watchdog("i6300esb", "none"),
         "inputs": inputs("ps2", "mouse", "keyboard"),
         "interfaces": card("e1000e", direct={"device": CARD}, link="down")},
        {"video": "qxl", "sound": "es1370", "usb": "qemu-xhci",
         "graphics": {"spice": {}}, "watchdog": watchdog("i6300esb", "dump"),
         "filesystems": [{"name": "share", **share, "driver": "9p", "readonly": True}],
         "interfaces": card("pcnet", direct={"device": CARD, "mode": "private"})},
        {"video": "virtio", "sound": "usb", "usb": "qemu-xhci",
         "graphics": {"vnc": {}, "spice": {}}, "watchdog": watchdog("i6300esb", "inject-nmi"),
         "filesystems": [{"name": "share", **share}, {"name": "other", **other}],
         "interfaces": card("ne2k_pci", user={"forward": [{"host": 22977, "guest": 22}]})},
        {"video": "none", "sound": "none", "watchdog": watchdog("ib700", "shutdown"),
         "filesystems": [{"name": "share", **other, "driver": "9p"}],
         "interfaces": card("vmxnet3", user={})},
    ]


@pytest.fixture(scope="module")
def machines(lab: Lab) -> list[str]:
    for name in ("share", "other"):
        (lab.folder / name).mkdir()
    return [f"m{number}" for number in range(len(shapes(lab)))]


def turn(lab: Lab, machines: list[str], by: int) -> None:
    """Every other one is an old board, so each shape stands on both in two turns."""
    for number, name in enumerate(machines):
        fields = shapes(lab)[(number + by) % len(machines)]
        declare(lab, name, machine=("q35", "pc")[number % 2], **fields)
    lab.apply(*CONSENTS)
    settled(lab)


def test_every_device_is_made_and_runs(lab: Lab, machines: list[str], tmp_path: Path) -> None:
    turn(lab, machines, 0)
    for number, name in enumerate(machines):
        xml = inactive(lab, name)
        validate(xml, tmp_path)
        assert virsh("domstate", lab.domain(name)).strip() == "running"
        assert read(xml).get("sparePorts") == (None if number % 2 else 8), name
    before = {name: virsh("domid", lab.domain(name)) for name in machines}
    lab.apply()
    assert before == {name: virsh("domid", lab.domain(name)) for name in machines}


def test_each_becomes_another(lab: Lab, machines: list[str], tmp_path: Path) -> None:
    turn(lab, machines, 1)
    for name in machines:
        validate(inactive(lab, name), tmp_path)
        assert virsh("domstate", lab.domain(name)).strip() == "running"


def test_what_is_no_longer_declared_goes(lab: Lab, machines: list[str]) -> None:
    assert any(alias.startswith("ua-fs-") for name in machines for alias in aliases(lab, name))
    for number, name in enumerate(machines):
        declare(lab, name, machine=("q35", "pc")[number % 2])
    lab.apply(*CONSENTS)
    settled(lab)
    for name in machines:
        assert {alias for alias in aliases(lab, name) if alias.startswith(OTHERS)} == set()
        root = etree.fromstring(inactive(lab, name))
        assert root.find("devices/graphics") is None
        assert root.find("memoryBacking") is None
        assert virsh("domstate", lab.domain(name)).strip() == "running"
    lab.run("destroy", "--yes", "--force-off", "*")
    for name in machines:
        (lab.manifests / f"{name}.yaml").unlink()


DISKS = [
    {"cache": "none", "io": "native", "serial": "WD-1234 x"},
    {"cache": "directsync", "io": "native", "discard": "ignore"},
    {"cache": "writeback", "io": "threads", "bus": "scsi", "readonly": True},
    {"cache": "writethrough", "io": "io_uring", "bus": "sata"},
    {"cache": "unsafe", "discard": "unmap", "readonly": False, "bus": "usb"},
]


def test_disks(lab: Lab, tmp_path: Path) -> None:
    lab.write("both", "kind: Disk\nmetadata: {name: both}\nspec: {size: 1MiB, format: raw}")
    shared = {"name": "both", "disk": "both", "shareable": True, "cache": "none"}
    for by in (0, 1):
        plain = [{"name": f"d{number}", "size": "1MiB", "bus": "virtio",
                  **DISKS[(number + by) % len(DISKS)]} for number in range(len(DISKS))]
        declare(lab, "one", disks=[*plain, shared])
        declare(lab, "two", disks=[shared])
        lab.apply(*CONSENTS)
        settled(lab)
        validate(inactive(lab, "one"), tmp_path)
        for name in ("one", "two"):
            assert virsh("domstate", lab.domain(name)).strip() == "running"
    declare(lab, "two", disks=[{"name": "both", "disk": "both"}])
    assert "uses disk/both" in lab.apply(expect=1)
    # Off: its firmware would never let go of a disk.
    declare(lab, "two", running=False)
    declare(lab, "one", disks=[*({"name": f"d{number}", "size": "1MiB"} for number in range(5)),
                               {"name": "both", "disk": "both"}])
    lab.apply(*CONSENTS)
    settled(lab)
    fields = read(inactive(lab, "one"))
    assert [fields[f"disks[d{number}].serial"] for number in range(5)] == [
        "d0", "d1", "d2", "d3", "d4"]
    assert not any(fields[f"disks[d{number}].readonly"] for number in range(5))
    assert not fields["disks[both].shareable"]
    # What has no word for "as qemu likes" stays; the manifest no longer says anything of it.
    assert fields["disks[d0].cache"] == DISKS[1]["cache"]


def test_devices_of_the_host(lab: Lab) -> None:
    """This machine has no IOMMU: they can be defined, and libvirt says why they do not start."""
    first, second, *_ = sorted(path.name for path in Path("/sys/bus/pci/devices").iterdir())
    declare(lab, "host", running=False, hostDevices=[{"name": "a", "pci": first}])
    lab.apply()
    settled(lab)
    declare(lab, "host", running=False,
            hostDevices=[{"name": "a", "pci": second}, {"name": "b", "pci": first}])
    lab.apply()
    settled(lab)
    assert {"ua-hostdev-a", "ua-hostdev-b"} <= aliases(lab, "host")
    declare(lab, "host", running=False, hostDevices=[{"name": "a", "pci": "dead:be:1f.7"}])
    assert "this host has no PCI device dead:be:1f.7" in lab.run("plan", expect=1)
    declare(lab, "host", running=False)
    lab.apply()
    settled(lab)
    assert not any(alias.startswith("ua-hostdev-") for alias in aliases(lab, "host"))


def test_usb_devices_of_the_host_are_defined(tmp_path: Path) -> None:
    """They need not be there for that."""
    def domain(*items: dict[str, str]) -> Domain:
        spec: dict[str, Any] = {"hostDevices": list(items)} if items else {}
        return replace(machine("hostusb", spec=spec), name="tctd-hostusb")

    virt = Libvirt("qemu:///system")
    stick, other = {"name": "stick", "usb": "1d6b:0002"}, {"name": "other", "usb": "0781:5567"}
    try:
        virt.define("tctd-hostusb", build(domain(stick)))
        for items in ((stick,), (stick, other), (other,), (), (other | {"name": "stick"},)):
            virt.define("tctd-hostusb", merge(virt.domains()["tctd-hostusb"].xml, domain(*items)))
            xml = virt.domains()["tctd-hostusb"].xml
            validate(xml, tmp_path)
            found = {field: value for field, value in read(xml).items() if "hostDev" in field}
            assert found == {f"hostDevices[{item['name']}].usb": item["usb"] for item in items}
            assert read(xml)["sparePorts"] == 8
    finally:
        virt.undefine("tctd-hostusb")
        virt.close()
