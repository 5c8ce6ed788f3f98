"""Whose things are, on real libvirt: saved plans, renaming, taking over, borrowing, and copies.

The machines have no system to boot: they start in a second, and only --force-off stops them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from tests.integration.lab import TINYCLOUD, Lab, tree, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MACHINE = """
    kind: VirtualMachine
    metadata: {{{metadata}}}
    spec:
      cpus: {cpus}
      memory: 64MiB
      accel: tcg
      running: {running}
      stopTimeout: 1
      disks: [{{name: data, size: 8MiB}}]
      interfaces: [{{name: eth0, user: {{}}}}]
"""
CONSENT = ("--restart", "vm/*", "--force-off", "vm/*")


def declare(lab: Lab, metadata: str = "name: web", **words: str) -> None:
    shape = {"cpus": "1", "running": "true", **words}
    lab.write("machine", MACHINE.format(metadata=metadata, **shape))


def state(domain: str) -> str:
    return virsh("domstate", domain).strip()


def saved(lab: Lab) -> str:
    return str(lab.folder / "plan.json")


def test_a_saved_plan_while_the_machine_lives_on(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctosave")
    declare(cloud)
    cloud.apply()
    declare(cloud, cpus="2")
    cloud.run("plan", "--out", saved(cloud))
    (cloud.manifests / "machine.yaml").unlink()
    # What happens by itself: the overlay grows, is written to; another machine comes and goes.
    with cloud.disk("web-data").open("ab") as stream:
        stream.write(bytes(65536))
    neighbour = lab("tctonext")
    declare(neighbour)
    neighbour.apply()
    said = carry_out(cloud)
    assert "cpus: 1 → 2" in said
    assert "<vcpu placement='static'>2</vcpu>" in virsh("dumpxml", "--inactive", "tctosave-web")
    assert "nothing is left to do" in carry_out(cloud, expect=1)


def carry_out(cloud: Lab, expect: int = 0) -> str:
    """Without the manifests: what is in the file is enough."""
    done = subprocess.run(
        [TINYCLOUD, "apply", "--plan", saved(cloud), "--yes"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said and done.returncode == expect, said
    return said


def test_a_saved_plan_for_what_was_replaced_behind_its_back(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctoswap")
    declare(cloud, running="false")
    cloud.apply()
    declare(cloud, running="false", cpus="2")
    cloud.run("plan", "--out", saved(cloud))
    xml = virsh("dumpxml", "--inactive", "tctoswap-web")
    virsh("undefine", "tctoswap-web")
    define(cloud, xml.replace(uuid_of("tctoswap-web", xml), "6f1c3a52-3c55-4c3b-8a77-5b2f8d1d2c10"))
    before = virsh("dumpxml", "tctoswap-web")
    assert "the saved plan no longer fits: virtualmachine/web: " in carry_out(cloud, expect=1)
    assert virsh("dumpxml", "tctoswap-web") == before


def uuid_of(domain: str, xml: str = "") -> str:
    return (xml or virsh("dumpxml", domain)).split("<uuid>")[1].split("</uuid>")[0]


def define(cloud: Lab, xml: str) -> None:
    file = cloud.folder / "domain.xml"
    file.write_text(xml)
    virsh("define", str(file))


def macs(domain: str) -> list[str]:
    return [line.split()[-1] for line in virsh("domiflist", domain).splitlines()[2:] if line]


def test_a_machine_gets_another_name(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctoname")
    declare(cloud, "name: www")
    cloud.apply()
    before = (uuid_of("tctoname-www"), macs("tctoname-www"), cloud.disk("www-data").stat().st_ino)
    declare(cloud, "name: web, renamedFrom: www")
    said = cloud.apply(expect=1)
    assert "to allow it: --restart virtualmachine/web" in said
    assert state("tctoname-www") == "running"
    said = cloud.apply(*CONSENT)
    assert "~ disk/web-data renamed from www-data" in said
    assert "~ virtualmachine/web renamed from www  [restarts web]" in said
    assert state("tctoname-web") == "running"
    cloud.assert_settled()
    after = (uuid_of("tctoname-web"), macs("tctoname-web"), cloud.disk("web-data").stat().st_ino)
    assert after == before
    assert [path.name for path in sorted(cloud.storage.rglob("*www*"))] == []
    assert (cloud.storage / "consoles/web.log").exists()
    declare(cloud, "name: web")
    cloud.assert_settled()
    names = tree(cloud.storage / "disks")
    cloud.apply()
    assert tree(cloud.storage / "disks") == names


FOREIGN = """
<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <description>made by hand</description>
  <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><mac address='52:54:00:aa:bb:cc'/><model type='virtio'/></interface>
  </devices>
</domain>
"""


def made_by_hand(cloud: Lab, *, running: bool) -> None:
    cloud.disk("web-data").parent.mkdir(parents=True)
    for folder in (cloud.storage, cloud.storage / "disks"):
        folder.chmod(0o711)
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", str(cloud.disk("web-data")), "8M"], check=True
    )
    define(cloud, FOREIGN.format(name=cloud.domain("web"), disk=cloud.disk("web-data")))
    if running:
        virsh("start", cloud.domain("web"))


@pytest.mark.parametrize("running", [True, False], ids=["running", "off"])
def test_what_was_made_by_hand_is_taken_over(lab: Callable[[str], Lab], running: bool) -> None:
    cloud = lab("tctoadopt")
    made_by_hand(cloud, running=running)
    name = cloud.domain("web")
    before = (uuid_of(name), macs(name), cloud.disk("web-data").stat().st_ino, state(name))
    declare(cloud, running=str(running).lower())
    said = cloud.apply(expect=1)
    assert "it exists and was not made here; to allow it: --adopt virtualmachine/web" in said
    assert "to allow it: --adopt disk/web-data" in said
    assert "made by hand" in virsh("dumpxml", name)
    cloud.apply("--adopt", "vm/web", "--adopt", "disk/web-data")
    cloud.assert_settled()
    after = (uuid_of(name), macs(name), cloud.disk("web-data").stat().st_ino, state(name))
    assert after == before
    inactive = virsh("dumpxml", "--inactive", name)
    assert "made by hand" in inactive and inactive.count("<interface ") == 1
    declare(cloud, "name: site, renamedFrom: web")
    cloud.apply(*CONSENT)
    cloud.assert_settled()
    assert (uuid_of(cloud.domain("site")), macs(cloud.domain("site"))) == before[:2]
    assert state(cloud.domain("site")) == "running"
    cloud.run("destroy", "--yes", "--force-off", "vm/*", "--delete-data", "disk/*")
    assert cloud.domain("site") not in virsh("list", "--all", "--name").split()


def test_a_disk_of_another_size_is_taken_over_and_grown(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctogrow")
    made_by_hand(cloud, running=False)
    virsh("undefine", cloud.domain("web"))
    lab_disk = "kind: Disk\nmetadata: {name: web-data}\nspec: {size: %s}"
    cloud.write("disk", lab_disk % "4MiB")
    said = cloud.run("plan", "--adopt", "disk/web-data", expect=1)
    assert "has 8MiB and cannot shrink to 4MiB" in said
    cloud.write("disk", lab_disk % "16MiB")
    said = cloud.apply("--adopt", "disk/web-data")
    assert "size: 8MiB → 16MiB" in said
    cloud.assert_settled()


def test_copies_are_foreign_and_nobody_touches_them(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctocopy")
    declare(cloud, running="false")
    cloud.apply()
    web, disks = cloud.domain("web"), cloud.storage / "disks"
    copy = ["cp", "-a", str(cloud.disk("web-data")), str(cloud.disk("db-data"))]
    subprocess.run(copy, check=True)
    subprocess.run(
        ["virt-clone", "--connect", "qemu:///system", "--original", web,
         "--name", cloud.domain("clone"), "--file", str(disks / "clone.qcow2")],
        check=True, capture_output=True,
    )
    xml = virsh("dumpxml", "--inactive", web)
    uuid = "0b5f2f2e-1111-4a22-9b1c-2f3a4b5c6d7e"
    define(cloud, xml.replace(web, cloud.domain("db")).replace(uuid_of(web), uuid))
    copies = {
        "files": {path: tree(disks)[path] for path in tree(disks) if "web-data" not in path},
        "clone": virsh("dumpxml", cloud.domain("clone")),
        "db": virsh("dumpxml", cloud.domain("db")),
    }
    cloud.assert_settled()
    declare(cloud, "name: db", running="false")
    plan = cloud.plan("--adopt", "*", "--replace", "*", "--prune", "--delete-data", "*")
    assert plan["disk/db-data"]["blocked"] == (
        "what is there is not ours: disk/web-data of the cloud tctocopy")
    assert plan["virtualmachine/db"]["blocked"].startswith("what is there is not ours: ")
    assert {a for a in plan if a != "notes" and not plan[a]["blocked"]} == {"virtualmachine/web"}
    prune = ("apply", "--yes", "--adopt", "*", "--prune", "--delete-data", "*")
    assert f"the domain {cloud.domain('db')} has it as a disk" in cloud.run(*prune, expect=1)
    cloud.run("destroy", "--yes", "--delete-data", "*")
    assert web not in virsh("list", "--all", "--name").split()
    assert cloud.disk("web-data").exists()
    assert virsh("dumpxml", cloud.domain("db")) == copies["db"]
    virsh("undefine", cloud.domain("db"))
    (cloud.manifests / "machine.yaml").unlink()
    cloud.run(*prune)
    assert not cloud.disk("web-data").exists()
    assert {path: tree(disks)[path] for path in tree(disks)} == copies["files"]
    assert virsh("dumpxml", cloud.domain("clone")) == copies["clone"]


EXTERNAL = """
    kind: Image
    metadata: {{name: base}}
    spec: {{external: true, path: {folder}/base.qcow2, format: qcow2}}
    ---
    apiVersion: tinycloud/v1
    kind: Disk
    metadata: {{name: shelf}}
    spec: {{external: true, path: {folder}/shelf.raw, format: raw, size: 4MiB}}
    ---
    apiVersion: tinycloud/v1
    kind: VirtualMachine
    metadata: {{name: web}}
    spec:
      cpus: 1
      memory: 64MiB
      accel: tcg
      stopTimeout: 1
      disks: [{{name: root, image: base}}, {{name: shelf, disk: shelf}}]
"""


def test_what_is_external_is_used_and_left_as_it_was(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctoborrow")
    cloud.write("all", EXTERNAL.format(folder=cloud.folder))
    assert "all.yaml:4:" in cloud.run("plan", expect=1)
    base, shelf = cloud.folder / "base.qcow2", cloud.folder / "shelf.raw"
    for form, path in (("qcow2", base), ("raw", shelf)):
        argv = ["qemu-img", "create", "-q", "-f", form, str(path), "8M"]
        subprocess.run(argv, check=True)
        path.chmod(0o644)
    before = (base.stat(), shelf.stat())
    said = cloud.apply()
    assert "disk/shelf: size is 8MiB, and 4MiB is declared; it is external and stays so" in said
    cloud.assert_settled()
    assert state(cloud.domain("web")) == "running"
    assert str(shelf) in virsh("domblklist", cloud.domain("web"))
    assert "image: base" in said or "+ disk/web-root" in said
    (cloud.manifests / "all.yaml").unlink()
    cloud.run("apply", "--yes", "--prune", *CONSENT, "--delete-data", "*")
    assert [(s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode, s.st_uid) for s in before] == [
        (s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode, s.st_uid)
        for s in (base.stat(), shelf.stat())]
    assert os.listxattr(base) == [] and os.listxattr(shelf) == []


def test_two_clouds_with_equal_names_side_by_side(lab: Callable[[str], Lab]) -> None:
    """Also where the one prunes everything it may."""
    one, two = lab("tctoone"), lab("tctotwo")
    for cloud in (one, two):
        declare(cloud)
        cloud.apply()
    before = (tree(two.storage), uuid_of(two.domain("web")), state(two.domain("web")))
    assert uuid_of(one.domain("web")) != before[1]
    (one.manifests / "machine.yaml").unlink()
    one.apply("--prune", "--delete-data", "*", *CONSENT)
    assert one.domain("web") not in virsh("list", "--all", "--name").split()
    after = (tree(two.storage), uuid_of(two.domain("web")), state(two.domain("web")))
    assert {path for path in before[0] if before[0][path] != after[0].get(path)} <= {
        str(two.storage / "consoles/web.log")}
    assert after[1:] == before[1:]
    two.assert_settled()
