"""Disks on the network: the manifest's words become libvirt's, and come back."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.unit.libvirt_xml.samples import machine
from tiny_cloud.libvirt_xml import DiskDevice, Layer, build, disk_paths, merge, read, remotes
from tiny_cloud.libvirt_xml.graft import canonical

UUID = "5a1c0b1e-0000-4000-8000-000000000001"
AUTH = {"user": "web", "secret": {"file": "/secrets/web.txt"}}
TARGET = "iqn.2026-01.org.example:web"

CASES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"iscsi": {"host": "san", "target": TARGET, "lun": 1}},
     f"<source protocol='iscsi' name='{TARGET}/1'><host name='san' port='3260'/></source>",
     {"iscsi.host": "san", "iscsi.port": 3260, "iscsi.target": TARGET, "iscsi.lun": 1}),
    ({"iscsi": {"host": "fd00::1", "port": 3261, "target": TARGET, "lun": 0, "auth": AUTH}},
     f"""<source protocol='iscsi' name='{TARGET}/0'><host name='fd00::1' port='3261'/>
         <auth username='web'><secret type='iscsi' uuid='{UUID}'/></auth></source>""",
     {"iscsi.host": "fd00::1", "iscsi.port": 3261, "iscsi.target": TARGET, "iscsi.lun": 0,
      "iscsi.auth.user": "web", "iscsi.auth.secret": UUID}),
    ({"nbd": {"host": "san", "export": "web", "tls": True}},
     "<source protocol='nbd' name='web' tls='yes'><host name='san' port='10809'/></source>",
     {"nbd.host": "san", "nbd.port": 10809, "nbd.export": "web", "nbd.tls": True}),
    ({"nbd": {"socket": "/run/nbd.sock"}},
     "<source protocol='nbd' tls='no'><host transport='unix' socket='/run/nbd.sock'/></source>",
     {"nbd.socket": "/run/nbd.sock", "nbd.tls": False}),
    ({"rbd": {"monitors": ["a", "10.0.0.2:6790", "[fd00::3]:6789"], "pool": "rbd", "image": "web",
              "auth": AUTH, "config": "/etc/ceph/lab.conf"}},
     f"""<source protocol='rbd' name='rbd/web'><host name='a'/><host name='10.0.0.2' port='6790'/>
         <host name='fd00::3' port='6789'/><config file='/etc/ceph/lab.conf'/>
         <auth username='web'><secret type='ceph' uuid='{UUID}'/></auth></source>""",
     {"rbd.monitors": ("a", "10.0.0.2:6790", "[fd00::3]:6789"), "rbd.pool": "rbd",
      "rbd.image": "web", "rbd.auth.user": "web", "rbd.auth.secret": UUID,
      "rbd.config": "/etc/ceph/lab.conf"}),
]


def remote(item: dict[str, Any]) -> remotes.Remote:
    found = remotes.declared(item, UUID)
    assert found is not None
    return found


def device(item: dict[str, Any], name: str = "data") -> DiskDevice:
    return DiskDevice(name, "virtio", (Layer.at(remote(item), "raw"),))


@pytest.mark.parametrize(("item", "xml", "fields"), CASES)
def test_words_become_xml_and_come_back(
    item: dict[str, Any], xml: str, fields: dict[str, Any]
) -> None:
    assert canonical(remotes.write(remote(item))) == canonical(etree.fromstring(xml))
    disk = etree.fromstring(f"<disk type='network'>{xml}</disk>")
    assert remotes.read(disk) == remote(item)
    assert dict(remotes.fields(remote(item))) == fields


@pytest.mark.parametrize(("item", "xml", "fields"), CASES)
def test_a_machine_has_the_disk_and_says_so(
    item: dict[str, Any], xml: str, fields: dict[str, Any]
) -> None:
    defined = build(machine("net", disks=(device(item),)))
    disk = etree.fromstring(defined).find("devices/disk")
    assert disk is not None
    assert (disk.get("type"), disk.find("driver").attrib["type"]) == ("network", "raw")
    assert {f"disks[data].{key}": value for key, value in fields.items()}.items() <= read(
        defined).items()
    assert disk_paths(defined) == [(remote(item).url, "vda")]


def test_another_server_takes_the_place_of_the_old_one() -> None:
    (first, *_), (other, *_) = CASES[1], CASES[2]
    defined = build(machine("net", disks=(device(first),)))
    changed = merge(defined, machine("net", disks=(device(other),)))
    assert remotes.read(etree.fromstring(changed).find("devices/disk")) == remote(other)
    assert UUID not in changed


def test_a_password_beside_the_source_counts_and_goes_with_it() -> None:
    plain = CASES[0][0]
    defined = build(machine("net", disks=(device(CASES[1][0]),)))
    root = etree.fromstring(defined)
    disk, auth = root.find("devices/disk"), root.find("devices/disk/source/auth")
    disk.append(auth)
    assert remotes.read(disk) == remote(CASES[1][0])
    old = etree.tostring(root, encoding="unicode")
    changed = merge(old, machine("net", disks=(device(plain),)))
    assert UUID not in changed


@pytest.mark.parametrize(("xml", "url"), [
    ("<source protocol='rbd' name='rbd/web'><host name='b'/><host name='a'/></source>",
     "rbd://a,b/rbd/web"),
    ("<source protocol='nbd'><host transport='unix' socket='/run/a'/></source>", "nbd:///run/a/"),
    ("<source protocol='rbd' name='rbd/web'><host name='a'/><snapshot name='s'/></source>",
     "rbd://a/rbd/web@s"),
])
def test_which_disk_it_is_does_not_depend_on_who_asks(xml: str, url: str) -> None:
    found = remotes.read(etree.fromstring(f"<disk>{xml}</disk>"))
    assert found is not None
    assert found.url == url


def test_a_monitor_without_a_port_is_asked_at_both() -> None:
    item = {"rbd": {"monitors": ["a", "b:7000"], "pool": "p", "image": "i"}}
    assert remote(item).servers == (("a", 6789), ("a", 3300), ("b", 7000))


@pytest.mark.parametrize("source", [
    "<source protocol='gluster' name='v/i'/>", "<source file='/a'/>", ""])
def test_everything_else_is_none(source: str) -> None:
    assert remotes.read(etree.fromstring(f"<disk>{source}</disk>")) is None
