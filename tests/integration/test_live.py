"""Changes of running machines: at once where libvirt and the guest can, and as it was where not.

The guests are firmware without a system: qemu plugs things into them, and they let go of nothing.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest
from lxml import etree

from tests.integration.lab import Lab, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MACHINE = """
    kind: VirtualMachine
    metadata: {{name: web}}
    spec:
      accel: tcg
      cpus: {cpus}
      memory: {memory}
      stopTimeout: 3
      disks: [{disks}]
      cdroms: [{cdroms}]
      interfaces: [{cards}]
"""
ROOT = "{name: root, size: 1MiB}"
DATA = "{name: data, size: 2MiB}"
FIRST = {"cpus": "1", "memory": "64MiB", "disks": ROOT,
         "cdroms": "{name: cd}", "cards": "{name: eth0, bridge: tctlive0}"}


@pytest.fixture
def web(lab: Callable[[str], Lab], bridges: None) -> Lab:
    made = lab("tctlive")
    declare(made)
    made.apply()
    made.assert_settled()
    return made


@pytest.fixture(scope="module")
def bridges() -> Iterator[None]:
    names = ("tctlive0", "tctlive1")
    for name in names:
        subprocess.run(["ip", "link", "add", name, "type", "bridge"], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    yield
    for name in names:
        subprocess.run(["ip", "link", "del", name], check=True)


def declare(lab: Lab, **words: str) -> None:
    lab.write("web", MACHINE.format(**{**FIRST, **words}))


def domain_id(lab: Lab) -> str:
    """Another one after each start."""
    return virsh("domid", lab.domain("web")).strip()


def live(lab: Lab, path: str) -> list[str]:
    root = etree.fromstring(virsh("dumpxml", lab.domain("web")))
    return [str(word) for word in root.xpath(path)]


def defined(lab: Lab) -> str:
    return virsh("dumpxml", "--inactive", lab.domain("web"))


def test_a_disk_and_a_card_are_plugged_in(web: Lab) -> None:
    before = domain_id(web)
    declare(web, disks=f"{ROOT}, {DATA}",
            cards=f"{FIRST['cards']}, {{name: eth1, bridge: tctlive1}}")
    change = web.plan()["virtualmachine/web"]
    assert change["impact"] == "live"
    assert {f["field"]: f["impact"] for f in change["fields"]} == {
        "disks[data].disk": "live", "interfaces[eth1].bridge": "live"}
    web.apply()
    web.assert_settled()
    assert domain_id(web) == before
    assert live(web, "devices/disk/alias/@name") == ["ua-disk-root", "ua-disk-data", "ua-cdrom-cd"]
    assert live(web, "devices/interface/source/@bridge") == ["tctlive0", "tctlive1"]
    virsh("destroy", web.domain("web"))
    web.apply()
    web.assert_settled()


def test_a_medium_and_a_bridge_are_exchanged(web: Lab) -> None:
    before = domain_id(web)
    iso = web.folder / "one.iso"
    iso.write_bytes(bytes(1 << 20))
    declare(web, cdroms=f"{{name: cd, path: {iso}}}", cards="{name: eth0, bridge: tctlive1}")
    change = web.plan()["virtualmachine/web"]
    assert {f["field"]: f["impact"] for f in change["fields"]} == {
        "cdroms[cd].path": "live", "interfaces[eth0].bridge": "live"}
    web.apply()
    web.assert_settled()
    assert live(web, "devices/disk[@device='cdrom']/source/@file") == [str(iso)]
    assert live(web, "devices/interface/source/@bridge") == ["tctlive1"]
    declare(web, cdroms="{name: cd}")
    web.apply()
    web.assert_settled()
    assert live(web, "devices/disk[@device='cdrom']/source/@file") == []
    assert domain_id(web) == before


def test_a_guest_that_does_not_let_go(web: Lab) -> None:
    declare(web, disks=f"{ROOT}, {DATA}")
    web.apply()
    was = defined(web)
    declare(web)
    said = web.apply(expect=1)
    assert "has not let go of it in 3 s" in said
    assert "disks[data].disk" in said and "web.yaml:9" in said
    assert defined(web) == was
    assert web.plan()["virtualmachine/web"]["fields"][0]["field"] == "disks[data].disk"
    assert "--restart virtualmachine/web does it by a restart" in said
    web.apply("--restart", "vm/web", "--force-off", "vm/web")
    web.assert_settled()
    assert "ua-disk-data" not in defined(web)
    assert live(web, "devices/disk/alias/@name") == ["ua-disk-root", "ua-cdrom-cd"]


def test_what_libvirt_refuses_leaves_the_machine_as_it_was(web: Lab) -> None:
    was, before = defined(web), domain_id(web)
    declare(web, disks=f"{ROOT}, {DATA}", cards="{name: eth0, bridge: tctlive1}")
    disk = web.disk("web-data")
    web.apply("--target", "disk/web-data")
    with subprocess.Popen(["qemu-io", "-f", "qcow2", str(disk)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin and holder.stdout
        holder.stdin.write("read 0 512\n")
        holder.stdin.flush()
        assert "read 512/512" in holder.stdout.readline()
        said = web.apply(expect=1)
    assert "cannot plug a device into tctlive-web" in said and "web.yaml" in said
    assert defined(web) == was
    assert domain_id(web) == before
    assert live(web, "devices/interface/source/@bridge") == ["tctlive0"]
    web.apply()
    web.assert_settled()


def test_a_restart_that_fails_brings_the_old_machine_back(web: Lab) -> None:
    was = defined(web)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        declare(web, cards=f"{{name: eth0, user: {{forward: [{{host: {port}, guest: 22}}]}}}}")
        plan = web.plan()["virtualmachine/web"]
        assert plan["impact"] == "at next boot"
        said = web.apply("--restart", "vm/web", "--force-off", "vm/web", expect=1)
    assert f"port {port} of this host is taken" in said and "interfaces[eth0]" in said
    assert defined(web) == was
    assert virsh("domstate", web.domain("web")).strip() == "running"


def test_drift_of_what_runs_is_mended_at_once(web: Lab) -> None:
    before = domain_id(web)
    name = web.domain("web")
    declare(web, disks=f"{ROOT}, {DATA}")
    web.apply()
    mac = live(web, "devices/interface/mac/@address")[0]
    other = web.folder / "card.xml"
    other.write_text(f"<interface type='bridge'><mac address='{mac}'/><source bridge='tctlive1'/>"
                     "<model type='virtio'/></interface>")
    virsh("update-device", name, str(other), "--live")
    change = web.plan()["virtualmachine/web"]
    assert [(f["field"], f["old"], f["new"]) for f in change["fields"]] == [
        ("interfaces[eth0].bridge", "tctlive1", "tctlive0")]
    assert change["impact"] == "live"
    virsh("detach-disk", name, "vdb", "--config")
    fields = {f["field"] for f in web.plan()["virtualmachine/web"]["fields"]}
    assert fields == {"interfaces[eth0].bridge", "disks[data].disk"}
    web.apply()
    web.assert_settled()
    assert live(web, "devices/interface/source/@bridge") == ["tctlive0"]
    assert domain_id(web) == before


def test_what_has_no_room_waits_for_a_boot(web: Lab) -> None:
    disks = ", ".join(f"{{name: d{number}, size: 1MiB}}" for number in range(12))
    declare(web, disks=f"{ROOT}, {disks}", memory="80MiB")
    change = web.plan()["virtualmachine/web"]
    impacts = [f["impact"] for f in change["fields"] if f["field"].startswith("disks")]
    assert impacts == ["live"] * 8 + ["at next boot"] * 4
    web.apply()
    assert any(n["text"].startswith("waits for a restart") for n in web.plan()["notes"])
    assert len(live(web, "devices/disk[@device='disk']/alias/@name")) == 9
    web.apply("--restart", "vm/web", "--force-off", "vm/web")
    web.assert_settled()
    assert web.plan()["notes"] == []
    assert len(live(web, "devices/disk[@device='disk']/alias/@name")) == 13


def test_a_group_is_switched_on_and_off_at_once(web: Lab) -> None:
    """These are firmware, and do not power off when they are asked to."""
    web.write("db", MACHINE.format(**FIRST).replace("name: web", "name: db"))
    web.apply()
    said = web.named("stop", "*", "--yes", expect=1)
    assert "did not power off within 3 s" in said and "--force-off virtualmachine/db" in said
    assert states(web) == ["running", "running"]
    said = web.named("stop", "web", "vm/db", "--yes", "--force-off")
    assert said.count("its manifest says running: true, so that the next apply starts it") == 2
    assert states(web) == ["shut off", "shut off"]
    web.named("start", "[wd]*b", "--yes")
    web.assert_settled()
    before = domain_id(web)
    web.named("restart", "web", "--yes", "--force-off")
    assert domain_id(web) != before
    # Whoever stops several waits for them together: all were begun before one was done.
    lines = (web.storage / "journal.jsonl").read_text().splitlines()
    journal = [json.loads(line) for line in lines]
    begin = next(i for i, one in enumerate(journal) if "stop web vm/db" in one.get("command", ""))
    happened = [one["what"] for one in journal[begin:begin + 6]]
    assert happened.index("done") > happened.index("started") + 1
    assert happened[:3] == ["begin", "started", "started"]


def states(lab: Lab) -> list[str]:
    return [virsh("domstate", lab.domain(name)).strip() for name in ("web", "db")]
