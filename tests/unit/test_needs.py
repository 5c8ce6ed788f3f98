"""What a manifest needs of its host is said at its line, before anything is begun."""

import pytest

from tests.fake.host import FakeFile, FakeHost
from tests.unit.cloud import fake_host, load
from tiny_cloud import probe
from tiny_cloud.facts import DomainFacts, HostDevices, ImageFacts

GPU, STICK = "0000:01:00.0", "1d6b:0002"
HOLDER = f"""<domain><devices>
  <hostdev mode='subsystem' type='pci'><source>
    <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev>
  <hostdev mode='subsystem' type='usb'><source>
    <vendor id='0x1d6b'/><product id='0x{STICK[-4:]}'/></source></hostdev>
  <hostdev mode='subsystem' type='scsi'/>
</devices></domain>"""


def machine(fields: str, name: str = "web") -> str:
    return (f"kind: VirtualMachine\nmetadata: {{name: {name}}}\n"
            f"spec:\n  cpus: 1\n  memory: 1GiB\n  {fields}")


def host(running: str = "") -> FakeHost:
    found = fake_host()
    found.device = HostDevices(frozenset({GPU}), frozenset({STICK}), frozenset({"eth0"}))
    found.folder = {"/srv"}
    found.file["/srv/iso"] = FakeFile(1, ImageFacts("raw", 1, 1))
    if running:
        found.domain[running] = DomainFacts(running, "u", HOLDER, HOLDER)
    return found


def said(host: FakeHost, *documents: str) -> list[str]:
    problems = probe.check(host, load(*documents).resources)
    return [f"{problem.span[1]}: {problem.summary}" for problem in problems if problem.span]


@pytest.mark.parametrize(("fields", "summary"), [
    ("interfaces: [{name: a, direct: {device: eth0}}]", ""),
    ("interfaces: [{name: a, direct: {device: eth9}}]", "this host has no network card eth9"),
    (f'hostDevices: [{{name: a, pci: "{GPU}"}}, {{name: b, usb: "{STICK}"}}]', ""),
    ('hostDevices: [{name: a, pci: "0000:09:00.0"}]', "this host has no PCI device 0000:09:00.0"),
    ('hostDevices: [{name: a, usb: "dead:beef"}]', "this host has no USB device dead:beef"),
    ("filesystems: [{name: a, path: /srv}]", ""),
    ("filesystems: [{name: a, path: /nowhere}]", "this host has no folder /nowhere"),
    ("filesystems: [{name: a, path: /srv/iso}]", "/srv/iso is a file, and no folder"),
])
def test_what_is_not_there(fields: str, summary: str) -> None:
    assert said(host(), machine(fields)) == ([f"13: {summary}"] if summary else [])


@pytest.mark.parametrize(("what", "summary"), [
    (f'pci: "{GPU}"', f"the running domain somebody has the PCI device {GPU}"),
    (f'usb: "{STICK}"', f"the running domain somebody has the USB device {STICK}"),
])
def test_what_a_running_domain_has(what: str, summary: str) -> None:
    wants = machine(f"hostDevices: [{{name: a, {what}}}]")
    assert said(host("somebody"), wants) == [f"13: {summary}"]
    # Its own, one of ours that hands it over, or a machine that is not to run.
    assert said(host("lab-web"), wants) == []
    assert said(host("lab-db"), wants, machine("running: true", "db")) == []
    assert said(host("somebody"), f"{wants}\n  running: false") == []
