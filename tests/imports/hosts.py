"""A host in memory that has other people's machines, with all that they name."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from tests.fake.host import FakeFile, FakeHost
from tiny_cloud.facts import DomainFacts, HostDevices, ImageFacts, NetworkFacts
from tiny_cloud.model import Cloud

DOMAINS = Path(__file__).parent / "domains"
UUID = "9a05da11-e96b-47f3-8253-a3a482e445f5"
GIBIBYTE = 1 << 30


def definition(name: str) -> str:
    return (DOMAINS / f"{name}.xml").read_text()


def host_with(*xmls: str, cloud: str = "lab", autostart: bool = False) -> FakeHost:
    host = FakeHost(Cloud(cloud, "qemu:///system", "/srv/lab", declared=True))
    for xml in xmls:
        root = etree.fromstring(xml)
        name, uuid = root.findtext("name", ""), root.findtext("uuid", "")
        host.domain[name] = DomainFacts(name, uuid, xml, autostart=autostart)
        _furnish(host, root)
    host.device = HostDevices(
        pci=frozenset({"0000:01:00.0"}), usb=frozenset({"1d6b:0002"}), cards=frozenset({"eth0"}))
    return host


def _furnish(host: FakeHost, root: etree._Element) -> None:
    for disk in root.iterfind("devices/disk"):
        source, driver = disk.find("source"), disk.find("driver")
        path = None if source is None else source.get("file") or source.get("dev")
        if path and driver is not None:
            facts = ImageFacts(driver.get("type", "raw"), 10 * GIBIBYTE, 4096)
            host.file[path] = FakeFile(next(iter(host.inodes)), facts)
    for source in root.iterfind("devices/interface/source"):
        if bridge := source.get("bridge"):
            host.bridge[bridge] = frozenset()
        if network := source.get("network"):
            xml = (f"<network><name>{network}</name><uuid>{UUID}</uuid>"
                   f"<bridge name='vb-{network}'/></network>")
            host.network[network] = NetworkFacts(network, UUID, xml, xml)
    host.folder |= {source.get("dir", "") for source in root.iterfind("devices/filesystem/source")}
