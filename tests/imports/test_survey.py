"""What is meant by a name, what is whose, and what becomes of the awkward ones."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.fake.host import FakeFile, FakeHost
from tests.imports.hosts import definition, host_with
from tests.unit.cloud import brief, carry_out, load, plan_for
from tiny_cloud.errors import Failure
from tiny_cloud.facts import ImageFacts, SnapshotFacts, VolumeFacts
from tiny_cloud.foreign import Found, names
from tiny_cloud.foreign.survey import Survey
from tiny_cloud.writing import text

MIB = 1 << 20
BASE = "/srv/images/Debian 12.qcow2"


def survey(host: FakeHost, *documents: str) -> Survey:
    return Survey(host, "lab", load(*documents, host=host).resources)


def documents(*found: Found) -> list[str]:
    return [text(one.document).removeprefix("apiVersion: tinycloud/v1\n")
            for thing in found for one in (*thing.needs, thing)]


def settles(host: FakeHost, found: Iterable[Found]) -> list[str]:
    """What a plan that takes over says; that nothing is left then is insisted on."""
    written = documents(*found)
    wanted = plan_for(host, *written, adopt=("*",))
    assert [event for event in carry_out(host, wanted) if event.what in ("failed", "skipped")] == []
    again = plan_for(host, *written)
    assert (again.changes, again.notes) == ((), ())
    return brief(wanted)


@pytest.mark.parametrize(("called", "cloud", "name", "said"), [
    ("web", "default", "web", {}),
    ("Windows 11 (old)", "default", "windows-11-old", {"libvirtName": "Windows 11 (old)"}),
    ("lab-web", "lab", "web", {}),
    ("web", "lab", "web", {"libvirtName": "web"}),
    ("taken", "default", "taken-2", {"libvirtName": "taken"}),
    ("Ω", "default", "unnamed", {"libvirtName": "Ω"}),
    ("a" * 70, "default", "a" * 63, {"libvirtName": "a" * 70}),
])
def test_names_become_valid_and_are_said(
    called: str, cloud: str, name: str, said: dict[str, str]
) -> None:
    assert names.of_libvirt(called, cloud, {"taken"}) == (name, said)


def renamed(xml: str, name: str, uuid: str = "") -> str:
    xml = re.sub("<uuid>.*</uuid>", f"<uuid>{uuid}</uuid>", xml) if uuid else xml
    return re.sub("<name>.*</name>", f"<name>{name}</name>", xml, count=1)


def test_a_name_that_libvirt_has_stays_when_the_cloud_has_another() -> None:
    host = host_with(renamed(definition("debian"), "My Web"))
    (network, found), left = survey(host).everything()
    assert left == []
    assert found.document.spec["libvirtName"] == "My Web"
    assert settles(host, [network, found]) == ["~ network/default", "~ virtualmachine/my-web"]
    assert set(host.domain) == {"My Web"}


def copied(name: str) -> FakeHost:
    """A host on which somebody has defined a machine twice, to run it now so and now so."""
    first = definition(name)
    return host_with(first, renamed(first, "other", "11111111-2222-3333-4444-555555555555"))


def test_two_that_share_a_disk_share_its_document() -> None:
    host = copied("disks")
    found, _ = survey(host).everything()
    assert [len(one.needs) for one in found] == [5, 0]
    # vdb is read-only and sda shareable; the others are written to by one machine alone.
    assert [item["disk"] for item in found[1].document.spec["disks"]] == ["disks-vdb", "disks-sda"]
    assert settles(host, found) == ["~ virtualmachine/disks", "~ virtualmachine/other"]


def test_what_only_one_can_have_is_declared_of_the_first() -> None:
    host = copied("win2k19-scsi")
    found, _ = survey(host).everything()
    mac = found[2].remarks[2].split()[2].rstrip(":")
    alone = "it is in here as XML alone"
    assert found[2].remarks == (
        f"Its disk sda: other has this disk as well; {alone}.",
        f"Its disk sdb: other has this disk as well; {alone}.",
        f"Its card {mac}: other has this MAC as well; {alone}.",
        "Its screen (vnc) on 5950: other has this port as well; it stays as it is, and is "
        "not in here.")
    assert settles(host, found)[1:] == ["~ virtualmachine/other", "~ virtualmachine/win2k19-scsi"]


def test_what_is_declared_or_ours_is_not_imported_again() -> None:
    host = host_with(definition("debian"))
    found, _ = survey(host).everything()
    written = documents(*found)
    again = survey(host, *written)
    assert again.everything()[0] == []
    with pytest.raises(Failure, match=re.escape("declared as virtualmachine/debian already")):
        again.named("virtualmachine", "debian")
    settles(host, found)
    with pytest.raises(Failure, match="domain debian is virtualmachine/debian of the cloud lab"):
        survey(host).named("", "debian")


def test_a_disk_that_is_declared_is_referred_to() -> None:
    host = host_with(definition("debian"))
    there = survey(host, """
        kind: Disk
        metadata: {name: mine}
        spec: {external: true, path: /srv/vm/debian.qcow2, format: qcow2}
    """)
    found = there.named("virtualmachine", "debian")
    assert found.needs == () and found.document.spec["disks"] == [{"name": "vda", "disk": "mine"}]


@pytest.mark.parametrize(("kind", "name", "why", "hint"), [
    ("", "debain", "this host has no domain, network or volume debain", "debian"),
    ("network", "debian", "this host has no network debian", "default"),
    ("guest", "web", "nothing of the kind guest can be imported", "vm/NAME"),
    ("image", "/srv/none.qcow2", "/srv/none.qcow2 cannot be used: it is not there", ""),
])
def test_what_is_not_there_is_said(kind: str, name: str, why: str, hint: str) -> None:
    with pytest.raises(Failure) as failure:
        survey(host_with(definition("debian"))).named(kind, name)
    assert failure.value.summary == why
    assert hint in failure.value.hint


def test_one_name_of_two_things() -> None:
    host = host_with(renamed(definition("debian"), "default"))
    with pytest.raises(Failure, match="default is virtualmachine/default and network/default"):
        survey(host).named("", "default")
    assert survey(host).named("network", "default").document.kind == "Network"


def volume(name: str, **more: object) -> VolumeFacts:
    facts = VolumeFacts("vg0", name, f"uuid of {name}", 64 * MIB, "linear")
    return replace(facts, **more)  # type: ignore[arg-type]


def test_volumes() -> None:
    host = host_with()
    for facts in (volume("lab-data"), volume("striped", type="striped", stripes=2),
                  volume("pool", type="thin-pool"), volume("lab-thin", type="thin", pool="pool"),
                  volume("lab-old", type="snapshot", origin="lab-base", origin_size=64 * MIB),
                  volume("lab-base")):
        host.volume[facts.path] = facts
    there = survey(host)
    found = {name: there.named("logicalvolume", f"vg0/{name}")
             for name in ("lab-data", "striped", "lab-thin", "lab-base")}
    assert {name: (one.document.name, dict(one.document.spec)) for name, one in found.items()} == {
        "lab-data": ("data", {"volumeGroup": "vg0", "size": "64MiB"}),
        **{name: (name.removeprefix("lab-"), {
            "external": True, "name": name, "volumeGroup": "vg0", "size": "64MiB"})
           for name in ("striped", "lab-thin", "lab-base")}}
    assert found["lab-thin"].remarks == (
        "LVM calls it lab-thin (thin): it is external, so it is used and never changed.",)
    assert settles(host, found.values()) == ["~ logicalvolume/data"]


def test_a_machine_on_a_volume() -> None:
    xml = definition("debian").replace("type='file' device='disk'", "type='block' device='disk'")
    xml = xml.replace("type='qcow2'", "type='raw'").replace(
        "file='/srv/vm/debian.qcow2'", "dev='/dev/vg0/web'")
    host = host_with(xml)
    host.file.clear()
    host.volume["/dev/vg0/web"] = volume("web")
    found = survey(host).named("", "debian")
    assert [one.document.kind for one in found.needs] == ["LogicalVolume"]
    assert settles(host, [found]) == ["~ virtualmachine/debian"]


def test_images_and_disks_in_files() -> None:
    host = host_with(definition("debian"))
    host.file[BASE] = FakeFile(7, ImageFacts("qcow2", 2 << 30, 4096))
    there = survey(host)
    image, disk = there.named("", BASE), there.named("", "/srv/vm/debian.qcow2")
    assert (image.document.kind, image.document.name) == ("Image", "debian-12")
    assert dict(image.document.spec) == {"external": True, "path": BASE, "format": "qcow2"}
    assert (disk.document.kind, disk.document.spec["size"]) == ("Disk", "10GiB")
    assert settles(host, [image, disk]) == []


def edited(name: str, path: str, **attributes: str) -> str:
    """A definition in which an element says something else."""
    root = etree.fromstring(definition(name))
    element = root.find(path)
    assert element is not None
    element.attrib.update(attributes)
    return etree.tostring(root, encoding="unicode")


def test_what_cannot_be_declared_is_xml_and_said() -> None:
    host = host_with(definition("router"), definition("shares"))
    host.bridge.clear()
    host.folder.clear()
    del host.file["/srv/vm/router.qcow2"]
    router, shares = (survey(host).named("", name) for name in ("router", "shares"))
    assert router.remarks == (
        "Its disk vda: there is no /srv/vm/router.qcow2; it is in here as XML alone.",
        *(f"Its card {card['mac']}: this host has no bridge {card['bridge']}; it is in here as XML "
          "alone." for card in ({"mac": "52:54:00:86:64:20", "bridge": "br0"},
                                {"mac": "52:54:00:e8:71:2f", "bridge": "br1"})))
    assert [item["xml"].split()[0] for item in router.document.spec["xml"]] == [
        "<disk", "<interface", "<interface"]
    assert shares.remarks[0] == (
        "Its file system share: this host has no folder /srv/share; it is in here as XML alone.")
    assert settles(host, [router, shares]) == ["~ virtualmachine/router", "~ virtualmachine/shares"]


def test_a_value_that_no_field_has_stays() -> None:
    host = host_with(edited("debian", "devices/video/model", type="vmvga"))
    found = survey(host).named("", "debian")
    assert "video is vmvga, which the field cannot say; it stays as it is, and is not in here." in (
        found.remarks)
    settles(host, [found])
    assert 'type="vmvga"' in host.domain["debian"].xml


def test_randomness_that_is_no_device_of_the_host_is_not_taken_away() -> None:
    xml = re.sub("<backend model='random'>[^<]*</backend>", "<backend model='builtin'/>",
                 definition("debian"))
    host = host_with(xml)
    found = survey(host).named("", "debian")
    assert "rng" not in found.document.spec
    assert "rng is builtin, which the field cannot say; it stays as it is, and is not in here." in (
        found.remarks)
    settles(host, [found])
    assert '<backend model="builtin"/>' in host.domain["debian"].xml


def test_a_tpm_of_the_host_stays() -> None:
    xml = re.sub("<backend type='emulator'[^>]*/>",
                 "<backend type='passthrough'><device path='/dev/tpm0'/></backend>",
                 definition("win11"))
    host = host_with(xml)
    found = survey(host).named("", "win11")
    assert "tpm" not in found.document.spec
    assert found.remarks[0].startswith("tpm.version is passthrough, which the field cannot say")
    settles(host, [found])
    assert "/dev/tpm0" in host.domain["win11"].xml


def test_memory_is_what_libvirt_rounds_it_up_to() -> None:
    host = host_with(definition("debian").replace(">2097152<", ">1000001<"))
    found = survey(host).named("", "debian")
    assert found.document.spec["memory"] == "977MiB"
    settles(host, [found])


def test_one_that_has_snapshots_or_no_definition_is_said() -> None:
    host = host_with(definition("debian"))
    facts = host.domain["debian"]
    host.domain["debian"] = replace(
        facts, persistent=False, snapshots=(SnapshotFacts("a", 0, "shutoff"),))
    assert survey(host).named("", "debian").remarks == (
        "It has no definition and is gone with the power; taking it over gives it one.",
        "Its snapshots stay, and no manifest speaks of them.")


def test_a_network_that_sleeps_is_to_be_woken() -> None:
    host = host_with(definition("debian"))
    host.network["default"] = replace(host.network["default"], live_xml="")
    assert survey(host).named("", "debian").remarks == (
        "Before a plan: virsh net-start default, for its network is not active.",)
