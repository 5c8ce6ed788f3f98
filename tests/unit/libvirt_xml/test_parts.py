"""Fields of a machine's system: what is written is read, and what goes takes nothing else along."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.unit.libvirt_xml.samples import MIB, WEB, machine
from tiny_cloud import schema
from tiny_cloud.libvirt_xml import build, merge, nvram_of, parts, pending, read, set_acceleration

CASES: list[dict[str, Any]] = [
    {"firmware": "efi"}, {"firmware": "efi", "secureBoot": True}, {"firmware": "bios"},
    {"tpm": {"model": "tpm-crb"}}, {"tpm": {"model": "tpm-tis", "version": "1.2"}},
    {"cpu": {"mode": "host-model"}}, {"cpu": {"mode": "custom", "model": "Nehalem", "features": [
        {"name": "aes"}, {"name": "vmx", "policy": "forbid"}]}},
    {"cpu": {"topology": {"sockets": 1, "cores": 2, "threads": 1}}}, {"maxCpus": 2}, {"maxCpus": 8},
    {"currentMemory": "128MiB"}, {"maxMemory": {"size": "1GiB"}},
    {"maxMemory": {"size": "1GiB", "slots": 2}, "dimms": [{"name": "a", "size": "128MiB"}]},
    {"hugepages": True}, {"hugepages": False}, {"hugepages": {"size": "1GiB"}},
    {"boot": ["eth0", "root"]}, {"boot": ["install"]},
    {"title": "A title", "description": "Two\n lines"}, {"onPoweroff": "restart"},
    {"onReboot": "destroy", "onCrash": "coredump-restart"}, {"clock": {"offset": "localtime"}},
    {"clock": {"offset": "timezone", "timezone": "Europe/Berlin"}},
    {"kernel": {"path": "/boot/k", "initrd": "/boot/i", "cmdline": "a b"}},
    {"xml": [{"target": "devices", "xml": "<vsock model='virtio'/>"}]},
]


def with_spec(spec: dict[str, Any], **fields: Any) -> Any:
    """A pc: the ports of a q35 machine would be counted anew before libvirt has placed devices."""
    return machine("web", machine="pc", disks=WEB.disks, interfaces=WEB.interfaces[:1],
                   spec={"memory": "256MiB", **spec}, nvram="/srv/nvram/web", **fields)


def declared(spec: dict[str, Any]) -> dict[str, Any]:
    return parts.declared(schema.flatten("VirtualMachine", {**spec, "consoleLog": False}), spec)


def seen(xml: str, spec: dict[str, Any], former: Any = None) -> dict[str, Any]:
    return parts.observed(xml, read(xml), spec, former or {})


@pytest.mark.parametrize("spec", CASES, ids=str)
def test_what_is_written_is_read_in_a_new_machine_and_an_old_one(spec: dict[str, Any]) -> None:
    wanted = {key: value for key, value in declared(spec).items()
              if key not in ("running", "autostart", "consoleLog")}
    made, merged = build(with_spec(spec)), merge(build(with_spec({})), with_spec(spec))
    assert wanted and wanted.items() <= seen(made, spec).items()
    assert seen(merged, spec) == seen(made, spec)
    assert merge(merged, with_spec(spec)) == merged


@pytest.mark.parametrize("spec", CASES, ids=str)
def test_what_is_not_declared_stays(spec: dict[str, Any]) -> None:
    """But for what cpus, memory and disks alone mean, and a device that is ours by its name."""
    made = build(with_spec(spec))
    kept = {key: value for key, value in read(made).items() if not key.startswith(
        ("maxCpus", "currentMemory", "tpm.", "boot"))}
    assert kept.items() <= read(merge(made, with_spec({}))).items()


REMOVED = [spec for spec in CASES if any(
    schema.keyword("VirtualMachine", field, "x-on-remove") == "remove" for field in declared(spec))]


@pytest.mark.parametrize("spec", REMOVED, ids=str)
def test_what_is_taken_out_of_the_manifest_goes(spec: dict[str, Any]) -> None:
    former = declared(spec)
    gone = {field for field in former
            if schema.keyword("VirtualMachine", field, "x-on-remove") == "remove"}
    bare = with_spec({}, former=former, gone=frozenset(gone))
    after = merge(build(with_spec(spec)), bare)
    plain = seen(build(with_spec({})), {}, former)
    assert gone
    assert {key: seen(after, {}, former).get(key) for key in gone} == {
        key: plain.get(key) for key in gone}


def test_a_lowered_balloon_shows_as_less_memory_unless_it_is_declared() -> None:
    lowered = build(with_spec({"currentMemory": "128MiB"}))
    assert seen(lowered, {})["memory"] == 128 * MIB
    assert seen(lowered, {"currentMemory": "128MiB"})["memory"] == 256 * MIB


def test_modules_come_on_top_and_share_one_node() -> None:
    spec = {"maxMemory": {"size": "1GiB"}, "dimms": [{"name": "a", "size": "128MiB"}]}
    root = etree.fromstring(build(with_spec({**spec, "maxCpus": 4})))
    assert root.findtext("memory") == root.findtext("currentMemory") == str(384 * 1024)
    assert root.xpath("cpu/numa/cell/@memory") == [str(256 * 1024)]
    assert root.xpath("cpu/numa/cell/@cpus") == ["0-3"]


def test_a_module_keeps_its_slot() -> None:
    spec = {"maxMemory": {"size": "1GiB"}, "dimms": [{"name": "a", "size": "128MiB"}]}
    placed = build(with_spec(spec)).replace(
        '<alias name="ua-dimm-a"/>', '<alias name="ua-dimm-a"/><address type="dimm" slot="3"/>')
    spec["dimms"][0]["size"] = "256MiB"  # type: ignore[index]
    root = etree.fromstring(merge(placed, with_spec(spec)))
    assert root.xpath("devices/memory/address/@slot") == ["3"]
    assert root.xpath("devices/memory/target/size/text()") == [str(256 * 1024)]


def test_a_declared_processor_is_not_the_accelerations_to_choose() -> None:
    made = build(with_spec({"cpu": {"mode": "custom", "model": "Nehalem"}}))
    assert read(set_acceleration(made, "kvm", keep_cpu=True))["cpu.model"] == "Nehalem"
    shaped = build(with_spec({"cpu": {"features": [{"name": "vmx", "policy": "disable"}]}}))
    assert read(set_acceleration(shaped, "kvm")).items() >= {
        "cpu.mode": "host-passthrough", "cpu.features[vmx].policy": "disable"}.items()


def test_another_mode_takes_nothing_of_the_former_one_along() -> None:
    made = build(with_spec({"cpu": {"mode": "custom", "model": "Nehalem"}})).replace(
        "<model>", "<vendor>Intel</vendor><model>").replace(' mode="custom"',
                                                            ' mode="custom" match="exact"')
    cpu = etree.fromstring(merge(made, with_spec({"cpu": {"mode": "maximum"}}))).find("cpu")
    assert cpu is not None and dict(cpu.attrib) == {"mode": "maximum"} and not len(cpu)


HOST_MODEL = "<cpu mode='host-model' check='partial'><feature name='vmx' policy='{}'/></cpu>"
RUNS = ("<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>EPYC</model>"
        "<feature policy='{}' name='vmx'/><feature policy='require' name='ss'/></cpu>")


@pytest.mark.parametrize(("policy", "got", "waits"), [
    ("require", "require", False), ("force", "require", False), ("optional", "disable", False),
    ("forbid", "disable", False), ("require", "disable", True), ("disable", "require", True),
])
def test_what_libvirt_made_of_a_processor_waits_for_no_boot(
    policy: str, got: str, waits: bool
) -> None:
    defined, runs = (build(WEB).replace('<cpu mode="maximum" check="none"/>', cpu.format(word))
                     for cpu, word in ((HOST_MODEL, policy), (RUNS, got)))
    assert defined != runs
    assert pending(defined, runs) == (("cpu.features[vmx].policy",) if waits else ())


def test_another_model_waits_for_a_boot() -> None:
    defined = build(with_spec({"cpu": {"mode": "custom", "model": "Nehalem"}}))
    assert pending(defined, defined.replace("Nehalem", "EPYC")) == ("cpu.model",)


def test_each_kind_of_efi_has_variables_of_its_own() -> None:
    plain = build(with_spec({"firmware": "efi"}))
    secure = merge(plain, with_spec({"firmware": "efi", "secureBoot": True}))
    assert nvram_of(plain) == "/srv/nvram/web.fd" and nvram_of(secure) == "/srv/nvram/web.secure.fd"
    assert etree.fromstring(secure).xpath("features/smm/@state") == ["on"]
    back = etree.fromstring(merge(secure, with_spec({"firmware": "bios"})))
    assert not back.xpath("features/smm | os/nvram | os/@firmware | os/firmware")


def test_somebodys_own_firmware_stays() -> None:
    theirs = build(WEB).replace("</os>", "<loader type='pflash' secure='yes'>/f</loader>"
                                         "<nvram>/n</nvram></os>")
    for spec in ({}, {"firmware": "efi"}, {"firmware": "efi", "secureBoot": True}):
        assert nvram_of(merge(theirs, with_spec(spec))) == "/n"


def test_the_declared_boot_order_is_the_only_one() -> None:
    theirs = build(with_spec({})).replace(
        "</devices>", "<hostdev><boot order='9'/></hostdev></devices>")
    assert read(theirs)["boot"] == ("root", "data", "install", "hostdev")
    assert read(merge(theirs, with_spec({"boot": ["eth0"]})))["boot"] == ("eth0",)


def test_huge_pages_are_shared_with_virtiofs() -> None:
    shared = with_spec({"hugepages": True, "filesystems": [{"name": "data", "path": "/srv"}]})
    root = etree.fromstring(build(shared))
    assert [item.tag for item in root.iterfind("memoryBacking/*")] == ["hugepages", "access"]
