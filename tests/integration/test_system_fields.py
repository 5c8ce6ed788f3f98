"""Every field of a machine's system against real libvirt: made, changed, taken out.

After each step the plan is empty while the machines run, nothing waits for a restart, and libvirt's
own schema accepts what is defined. The guests are SeaBIOS or OVMF and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

from tests.integration.lab import Lab, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

SWTPM = Path("/var/lib/libvirt/swtpm")
BARE = {"cpus": 1, "memory": "64MiB", "accel": "tcg", "stopTimeout": 1, "autostart": False}
OFF = {"running": False}
KEYS = {"target": "devices", "xml": "<input type='keyboard' bus='usb'/>"}
PANIC = {"target": "devices", "xml": "<panic model='isa'/>"}
HYPERV = {"target": "features/hyperv", "xml": "<relaxed state='on'/>"}
SHMEM = {"target": "devices",
         "xml": "<shmem name='tcts'><model type='ivshmem-plain'/><size unit='MiB'>4</size></shmem>"}
ARGUMENTS = {"target": "qemu:commandline",
             "xml": "<qemu:arg value='-global'/><qemu:arg value='ICH9-LPC.disable_s3=1'/>"}
CIRRUS = {"target": "devices/video", "operation": "replace",
          "xml": "<video><model type='cirrus'/></video>"}

Outfit = Mapping[str, Any]


def outfits(kernel: Path) -> dict[str, tuple[Outfit, Outfit]]:
    """By machine: what it has at first, and what then."""
    disks = {
        "disks": [{"name": "root", "size": "1MiB"}, {"name": "data", "size": "1MiB"}],
        "cdroms": [{"name": "cd"}],
        "interfaces": [{"name": "eth0", "user": {}}],
    }
    return {
        "efi": ({"firmware": "efi", "tpm": {"model": "tpm-crb"}, **OFF},
                {"firmware": "efi", "secureBoot": True, "tpm": {"model": "tpm-crb"}}),
        "pc": ({"machine": "pc", "firmware": "efi", "clock": {"offset": "localtime"}},
               {"machine": "pc", "firmware": "bios", "clock": {"offset": "utc"}}),
        "tpm": ({"tpm": {"model": "tpm-tis", "version": "1.2"}},
                {"tpm": {"model": "tpm-tis", "version": "2.0"}}),
        "cpu": ({"maxCpus": 4, "cpu": {
                    "mode": "maximum", "features": [{"name": "vmx", "policy": "disable"},
                                                    {"name": "svm", "policy": "disable"}],
                    "topology": {"sockets": 1, "cores": 2, "threads": 2}}},
                {"cpus": 2, "maxCpus": 3, "cpu": {
                    "mode": "custom", "model": "Nehalem", "features": [
                        {"name": "aes"}, {"name": "svm", "policy": "disable"},
                        {"name": "rdrand", "policy": "optional"},
                        {"name": "vmx", "policy": "forbid"}, {"name": "rdtscp", "policy": "force"}],
                    "topology": {"sockets": 3, "dies": 1, "cores": 1, "threads": 1}}}),
        "model": ({"cpu": {"mode": "host-model"}},
                  {"cpu": {"mode": "host-passthrough"}, **OFF}),
        "balloon": ({"currentMemory": "48MiB", "title": "A  title", "description": "two\nlines <&>",
                     "onPoweroff": "restart", "onCrash": "preserve"},
                    {"memory": "80MiB", "currentMemory": "64MiB", "title": "Another",
                     "description": "ü", "onPoweroff": "destroy", "onReboot": "destroy",
                     "onCrash": "coredump-restart"}),
        "dimm": ({"maxMemory": {"size": "1GiB"}, "dimms": [{"name": "a", "size": "128MiB"},
                                                           {"name": "b", "size": "2MiB"}],
                  "clock": {"offset": "timezone", "timezone": "Europe/Berlin"}},
                 {"cpus": 2, "memory": "96MiB", "maxMemory": {"size": "2GiB", "slots": 2},
                  "dimms": [{"name": "b", "size": "64MiB"}], "currentMemory": "160MiB",
                  "clock": {"offset": "timezone", "timezone": "UTC"}}),
        "huge": ({"hugepages": True, **OFF}, {"hugepages": {"size": "2MiB"}, **OFF}),
        "boot": ({**disks, "boot": ["eth0", "cd", "root"]}, {**disks, "boot": ["data", "eth0"]}),
        "kernel": ({"kernel": {"path": str(kernel), "initrd": str(kernel), "cmdline": "quiet"},
                    "consoleLog": False, **OFF},
                   {"memory": "256MiB", "consoleLog": True,
                    "kernel": {"path": str(kernel), "cmdline": "console=ttyS0 panic=0"}}),
        "xml": ({"xml": [KEYS, PANIC, HYPERV, ARGUMENTS]},
                {"xml": [HYPERV, KEYS, SHMEM, CIRRUS]}),
    }


def write(lab: Lab, machine: str, outfit: Outfit) -> None:
    lab.write(machine, yaml.safe_dump(
        {"kind": "VirtualMachine", "metadata": {"name": machine}, "spec": {**BARE, **outfit}}))


def inactive(lab: Lab, machine: str) -> etree._Element:
    return etree.fromstring(virsh("dumpxml", "--inactive", lab.domain(machine)))


def assert_in_order(lab: Lab, machines: Mapping[str, Any], folder: Path) -> None:
    lab.assert_settled()
    plan = lab.plan()
    assert plan["notes"] == [] and not set(plan) - {"notes"}
    for machine in machines:
        file = folder / f"{machine}.xml"
        file.write_text(virsh("dumpxml", "--inactive", lab.domain(machine)))
        done = subprocess.run(["virt-xml-validate", str(file), "domain"], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_made_changed_taken_out(lab: Callable[[str], Lab], tmp_path: Path) -> None:
    cloud = lab("tcts")
    kernel = cloud.folder / "vmlinuz"
    shutil.copyfile(sorted(Path("/boot").glob("vmlinuz-*"))[-1], kernel)
    machines = outfits(kernel)
    allowed = ("--restart", "vm/*", "--force-off", "vm/*")

    for machine, (first, _) in machines.items():
        write(cloud, machine, first)
    cloud.apply()
    ours = {virsh("domuuid", cloud.domain(machine)).strip() for machine in machines}
    assert_in_order(cloud, machines, tmp_path)
    assert_first(cloud)

    for machine, (_, second) in machines.items():
        write(cloud, machine, second)
    cloud.apply(*allowed)
    assert_in_order(cloud, machines, tmp_path)
    assert_second(cloud)

    for machine in machines:
        write(cloud, machine, {"running": True})
    write(cloud, "boot", {**machines["boot"][0], "boot": ["root"], **OFF})
    # The processor of no such guest can be the host's, and taken out it would stay so.
    write(cloud, "model", {"cpu": {"mode": "maximum"}})
    cloud.apply(*allowed)
    assert_in_order(cloud, machines, tmp_path)
    assert_bare(cloud)

    # A TPM that was taken out has left its state; with it back, all of that is the machine's.
    mine = ours & set(os.listdir(SWTPM))
    assert len(mine) == 2
    for machine in ("efi", "tpm"):
        write(cloud, machine, {**machines[machine][1], "running": True})
    cloud.apply(*allowed)
    assert ours & set(os.listdir(SWTPM)) == mine
    assert nvram(cloud) == ["efi.secure.fd"]
    cloud.run("destroy", "--yes", "--force-off", "vm/*", "--restart", "vm/*")
    assert list((cloud.storage / "nvram").iterdir()) == []
    assert not ours & set(os.listdir(SWTPM))


def assert_first(lab: Lab) -> None:
    """What the plan cannot tell, because it would read wrongly what it wrote wrongly."""
    efi = inactive(lab, "efi").find("os")
    assert efi.get("firmware") == "efi" and "secure.fd" not in efi.findtext("nvram")
    assert [f.get("enabled") for f in efi.findall("firmware/feature")] == ["no", "no"]
    running = etree.fromstring(virsh("dumpxml", lab.domain("pc")))
    assert "OVMF_CODE" in running.findtext("os/loader")
    assert Path(running.findtext("os/nvram")).parent == lab.storage / "nvram"
    dimm = inactive(lab, "dimm")
    assert dimm.findtext("memory") == str((64 + 130) * 1024) == dimm.findtext("currentMemory")
    boot = inactive(lab, "boot")
    assert boot.xpath("//boot/../alias/@name") == ["ua-disk-root", "ua-cdrom-cd", "ua-net-eth0"]
    assert boot.xpath("//boot/@order") == ["3", "2", "1"]
    assert not inactive(lab, "kernel").xpath("//log")
    said = virsh("qemu-monitor-command", lab.domain("cpu"), "--hmp", "info cpus")
    assert said.count("CPU #") == 1
    xml = inactive(lab, "xml")
    assert xml.xpath("count(//input[@bus='usb']) + count(//panic) + count(//relaxed)") == 3
    assert "disable_s3=1" in virsh("domxml-to-native", "qemu-argv", "--domain",
                                          lab.domain("xml"))


def assert_second(lab: Lab) -> None:
    efi = etree.fromstring(virsh("dumpxml", lab.domain("efi")))
    assert efi.find("os/loader").get("secure") == "yes"
    assert efi.findtext("os/nvram").endswith(".secure.fd")
    assert nvram(lab) == ["efi.secure.fd"]
    assert inactive(lab, "pc").find("os/nvram") is None
    cpu = inactive(lab, "cpu")
    assert cpu.findtext("cpu/model") == "Nehalem" and cpu.find("vcpu").get("current") == "2"
    assert inactive(lab, "dimm").xpath("//memory/alias/@name") == ["ua-dimm-b"]
    assert inactive(lab, "huge").xpath("//hugepages/page/@size") == ["2048"]
    assert inactive(lab, "boot").xpath("//disk[boot]/boot/@order") == ["1"]
    xml = inactive(lab, "xml")
    assert xml.xpath("//video/model/@type") == ["cirrus"]
    assert not xml.xpath("//panic | //*[@value='-global']")
    assert xml.xpath("count(//input[@bus='usb'])") == 1


def assert_bare(lab: Lab) -> None:
    """What was declared and is gone is not there; the rest has stopped being managed."""
    assert not inactive(lab, "tpm").xpath("//tpm")
    assert not inactive(lab, "cpu").xpath("//cpu/feature | //cpu/topology | //vcpu/@current")
    assert inactive(lab, "cpu").findtext("cpu/model") == "Nehalem"
    balloon = inactive(lab, "balloon")
    assert not balloon.xpath("title | description")
    assert balloon.findtext("memory") == balloon.findtext("currentMemory") == str(64 * 1024)
    dimm = inactive(lab, "dimm")
    assert not dimm.xpath("maxMemory | //numa | devices/memory")
    assert dimm.findtext("memory") == str(64 * 1024)
    assert not inactive(lab, "huge").xpath("//hugepages")
    assert not inactive(lab, "kernel").xpath("//os/kernel | //os/cmdline")
    xml = inactive(lab, "xml")
    assert not xml.xpath("//input[@bus='usb'] | //relaxed | //shmem")
    assert xml.xpath("//video/model/@type") == ["cirrus"], "nobody knows what was there before"


def nvram(lab: Lab) -> list[str]:
    """The files with EFI's variables, without the part that tells machines of one name apart."""
    return [re.sub("-[0-9a-f]{8}", "", file.name) for file in (lab.storage / "nvram").iterdir()]
