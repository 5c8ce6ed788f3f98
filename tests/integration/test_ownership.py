"""Whose things are, on real libvirt: saved plans, renaming, taking over, borrowing, and copies.

The machines have no system to boot: they start in a second, and only --force-off stops them.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
    assert "~ virtualmachine/web renamed from www  [restarts the machine]" in said
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


@pytest.mark.parametrize("last", range(1, 10))
def test_a_renaming_that_is_killed_is_ended_by_the_next(
    lab: Callable[[str], Lab], last: int
) -> None:
    cloud = lab("tctokill")
    declare(cloud, "name: www", running="false")
    cloud.apply()
    inode = cloud.disk("www-data").stat().st_ino
    declare(cloud, "name: web, renamedFrom: www", running="false")
    killed = subprocess.run(
        [sys.executable, "-m", "tests.integration.killed_apply", str(cloud.manifests), str(last)],
        cwd=Path(__file__).parents[2], start_new_session=True, check=False,
    )
    assert killed.returncode == -signal.SIGKILL, "there are fewer steps"
    cloud.apply()
    cloud.assert_settled()
    assert cloud.disk("web-data").stat().st_ino == inode
    assert [path.name for path in sorted(cloud.storage.rglob("*www*"))] == []
    assert virsh("list", "--all", "--name").split().count("tctokill-web") == 1
