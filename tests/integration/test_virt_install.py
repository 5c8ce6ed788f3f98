"""Machines that virt-install made are taken over, and nothing of them is lost.

The cases are in ``virt_install/cases.yaml``: the options of virt-install, the files that are its
disks, whether it can run here, and the spec of a user who wants to keep it as it is.
"""

from __future__ import annotations

import re
import shlex
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.imports.differences import differences
from tests.integration.lab import Lab, digest, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "virt_install" / "cases.yaml").read_text())
CLOUD, NETWORK, BRIDGE, CARD = "tctvi", "tctvi-net", "tctvibr", "tctvicard"
OTHERS = {BRIDGE: ("bridge",), CARD: ("veth", "peer", "name", "tctvipeer")}
PCI = min(path.name for path in Path("/sys/bus/pci/devices").iterdir())
WORDS = {
    "network": NETWORK, "bridge": BRIDGE, "card": CARD, "pci": PCI,
    **dict(zip(("domain", "bus", "slot", "function"),
               (f"0x{digits}" for digits in re.split("[:.]", PCI)), strict=True)),
}
USUAL: dict[str, Any] = {
    "cpus": 1, "memory": "64MiB", "accel": "tcg", "running": False, "autostart": False,
    "consoleLog": False, "stopTimeout": 1,
}
NEEDED = {
    # What has no default, or one that counts as declared: without it something else is declared.
    *USUAL, "currentMemory", "maxMemory", "dimms", "disks", "cdroms", "interfaces",
    *("name", "disk", "path", "network", "bridge", "user", "direct"),
}
PASSWORD = "geheim"
"""Of a screen; in the definition alone."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab.make(CLOUD)
    try:
        for name, kind in OTHERS.items():
            subprocess.run(["ip", "link", "add", name, "type", *kind], check=True)
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
        xml = made.folder / "network.xml"
        xml.write_text(f"<network><name>{NETWORK}</name></network>")
        virsh("net-define", str(xml))
        virsh("net-start", NETWORK)
        yield made
    finally:
        made.clean()
        for name in OTHERS:
            subprocess.run(["ip", "link", "del", name], check=False)


@pytest.mark.parametrize("words", ["all", pytest.param("few", marks=pytest.mark.long)])
def test_they_are_taken_over_as_they_are(lab: Lab, words: str) -> None:
    """``few``: what is not declared stays as it is, whatever its default is for a new machine."""
    for case in CASES:
        install(lab, case)
    declare(lab, every=words == "all")
    before = {case["name"]: definition(case) for case in CASES}
    files = {path: digest(path) for path in sorted((lab.folder / "made").rglob("*.*"))}
    assert PASSWORD not in lab.run("plan", "--json", "--adopt", "vm/*")
    plan = lab.plan("--adopt", "vm/*")
    notes = plan.pop("notes")
    said = {case["name"]: fields for case in CASES if (fields := differs(plan[address(case)]))}
    more = {case["name"]: case["says"] for case in CASES if "says" in case}
    assert (said, notes) == (more if words == "all" else {}, [])
    lab.apply("--adopt", "vm/*")
    after = {case["name"]: definition(case) for case in CASES}
    assert {name: lost for name in before if (lost := differences(before[name], after[name]))} == {}
    lab.assert_settled()
    assert lab.plan()["notes"] == []
    assert "No changes" in lab.apply()
    assert {case["name"]: definition(case) for case in CASES} == after
    records = [path for path in lab.storage.rglob("*") if path.is_file()]
    assert [path for path in records if PASSWORD.encode() in path.read_bytes()] == []
    for case in CASES:
        assert virsh("domstate", domain(case)).strip() == ("running" if runs(case) else "shut off")
    lab.run("destroy", "--yes", "--force-off", "vm/*", "--delete-data", "*")
    left = set(virsh("list", "--all", "--name").split())
    assert left & {domain(case) for case in CASES} == set()
    assert {path: digest(path) for path in files} == files


# -- making them ----------------------------------------------------------------------------------

def install(lab: Lab, case: dict[str, Any]) -> None:
    """virt-install itself is asked once: it takes two seconds for each."""
    xml = lab.folder / "made" / case["name"] / "domain.xml"
    if not xml.exists():
        xml.parent.mkdir(parents=True)
        for file in case.get("files", ()):
            make(xml.parent, file)
        xml.write_text(asked(case, xml.parent))
    virsh("define", str(xml))
    if runs(case):
        virsh("start", domain(case))


def asked(case: dict[str, Any], here: Path) -> str:
    words = shlex.split(filled(case["options"], here))
    memory = () if "--memory" in words else ("--memory", "64")
    system = () if "--osinfo" in words else ("--osinfo", "detect=on,require=off")
    done = subprocess.run(
        ["virt-install", "--connect", "qemu:///system", "--virt-type", "qemu", "--import",
         "--check", "all=off", "--print-xml", "--name", domain(case), *memory, *system, *words],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{case['name']}: {done.stderr}"
    return done.stdout


def make(here: Path, file: str) -> None:
    """``NAME.FORMAT``, or ``NAME.FORMAT on NAME.FORMAT``; what is no qcow2 is raw."""
    name, _, base = file.partition(" on ")
    form = "qcow2" if name.endswith("qcow2") else "raw"
    argv = ["qemu-img", "create", "-q", "-f", form]
    argv += ["-b", str(here / base), "-F", "qcow2", str(here / name)] if base else [
        str(here / name), "1M"]
    subprocess.run(argv, check=True)


def declare(lab: Lab, *, every: bool) -> None:
    documents = []
    for case in CASES:
        here = lab.folder / "made" / case["name"]
        spec = USUAL | filled(case["spec"], here)
        spec["running"] = runs(case)
        for disk in spec.get("disks", ()):
            disk["disk"] = f"{case['name']}-{disk['name']}"
            (path,) = (path for path in here.iterdir() if path.stem == disk["name"])
            documents.append({"kind": "Disk", "metadata": {"name": disk["disk"]}, "spec": {
                "external": True, "path": str(path), "format": path.suffix[1:], "size": "1MiB"}})
        documents.append({"kind": "VirtualMachine", "metadata": {"name": case["name"]},
                          "spec": spec if every else bare(spec)})
    documents = [{"apiVersion": "tinycloud/v1", **document} for document in documents]
    (lab.manifests / "machines.yaml").write_text(yaml.safe_dump_all(documents))


def bare(spec: dict[str, Any]) -> dict[str, Any]:
    few = {key: value for key, value in spec.items() if key in NEEDED}
    for devices in ("disks", "interfaces"):
        if devices in few:
            few[devices] = [{key: value for key, value in item.items() if key in NEEDED}
                            for item in few[devices]]
    return few


def filled(value: Any, here: Path) -> Any:
    if isinstance(value, dict):
        return {key: filled(item, here) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, here) for item in value]
    if isinstance(value, str):
        return string.Template(value.replace("{here}", str(here))).substitute(WORDS)
    return value


def runs(case: dict[str, Any]) -> bool:
    return bool(case.get("runs", False))


def domain(case: dict[str, Any]) -> str:
    return f"{CLOUD}-{case['name']}"


def address(case: dict[str, Any]) -> str:
    return f"virtualmachine/{case['name']}"


# -- looking at them ------------------------------------------------------------------------------

def differs(change: dict[str, Any]) -> dict[str, Any]:
    """What a plan says beside that the machine is taken over: fields and their new values."""
    assert (change["action"], change["blocked"]) == ("update", "")
    return {field["field"]: field["new"] for field in change["fields"]}


def definition(case: dict[str, Any]) -> str:
    """With the passwords in it."""
    return virsh("dumpxml", "--inactive", "--security-info", domain(case))
