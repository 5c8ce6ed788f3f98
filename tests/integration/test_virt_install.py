"""Machines that virt-install made are taken over, and nothing of them is lost.

The cases are in ``virt_install/cases.yaml``: the options of virt-install, the files that are its
disks, whether it can run here, and the spec of a user who wants to keep it as it is.
"""

from __future__ import annotations

import re
import shlex
import string
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

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
PERMITTED = [
    # Whose it is.
    r"/metadata\[0\]",
    r"/metadata\[0\]/\{urn:tinycloud:v1\}stamp\[0\](/@(cloud|address|uuid)=.*)?",
    # Our names for what is declared; guest and qemu do not see the difference before the next boot.
    r"/devices\[0\]/\w+\[\d+\]/alias\[0\](/@name=ua-.*)?",
    # A screen of which a manifest does not say otherwise listens on loopback: said, not left open.
    r"/devices\[0\]/graphics\[\d+\](/listen\[0\])?/@(address|listen)=127\.0\.0\.1",
    # That there is no graphics card is said: libvirt would add one together with a screen.
    r"/devices\[0\]/video\[0\](/model\[0\](/@type=none)?)?",
    # The chain of a disk is spelled out, or libvirt would give the base to its qemu user for good.
    r"/devices\[0\]/disk\[\d+\](/backingStore\[0\])+"
    r"(/@type=file|/(format|source)\[0\](/@(type|file)=.*)?|/source\[0\]/seclabel\[0\](/@.*)?)?",
]
"""What a take-over adds, and why. It takes nothing away."""
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


def differences(before: str, after: str) -> list[str]:
    """Of two definitions, beside those that are permitted; ``-`` lost, ``+`` come."""
    old, new = (Counter(lines(etree.fromstring(xml))) for xml in (before, after))
    came = [line for line in (new - old).elements()
            if not any(map(re.fullmatch, PERMITTED, repeat(line)))]
    return [f"- {line}" for line in (old - new).elements()] + [f"+ {line}" for line in came]


def lines(element: etree._Element, above: str = "") -> Iterator[str]:
    """Every element, attribute and text with its path, and its place among its siblings."""
    for attribute, value in element.attrib.items():
        yield f"{above}/@{attribute}={value}"
    if text := (element.text or "").strip():
        yield f"{above}={text}"
    numbers: Counter[str] = Counter()
    for item in element:
        tag = str(item.tag)
        if tag == "controller":
            # libvirt puts them into another order each time.
            tag = "-".join(item.get(word, "") for word in ("type", "model", "index"))
        path = f"{above}/{tag}[{numbers[tag]}]"
        numbers[tag] += 1
        yield path
        yield from lines(item, path)
