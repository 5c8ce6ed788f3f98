"""Snapshots of whole machines: taken, reverted to and deleted, while plans stay empty and true.

The machines are firmware without a system; what a guest would write is written into the disks with
qemu-io while they are off, and through qemu's own monitor while they run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fault import Fault
from tests.faults.run import run
from tests.integration.lab import TINYCLOUD, Lab, virsh
from tiny_cloud.host.libvirt import Libvirt

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
MACHINE = """
    kind: VirtualMachine
    metadata: {{name: web}}
    spec:
      accel: tcg
      cpus: 1
      memory: {memory}
      running: {running}
      stopTimeout: 1
      disks: [{disks}]
"""
ROOT_DISK = "{name: root, size: 1MiB}"
RAW = "{name: data, size: 1MiB, format: raw}"


@pytest.fixture
def web() -> Iterator[Lab]:
    lab = Lab.make("tctz")
    yield lab
    for name in virsh("snapshot-list", "--name", lab.domain("web"), check=False).split():
        virsh("snapshot-delete", "--metadata", lab.domain("web"), name)
    lab.clean()


def declare(lab: Lab, *disks: str, running: bool, memory: str = "64MiB") -> None:
    words = {"running": str(running).lower(), "memory": memory}
    lab.write("web", MACHINE.format(disks=", ".join(disks), **words))


def snapshot(lab: Lab, *argv: str, expect: int = 0) -> str:
    """stdout and stderr of tinycloud snapshot."""
    yes = [] if argv[0] == "list" else ["--yes"]
    done = subprocess.run(
        [TINYCLOUD, "snapshot", *argv, "-f", str(lab.manifests), *yes],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode == expect, f"exit {done.returncode}\n{said}"
    return said


def names(lab: Lab) -> list[str]:
    return virsh("snapshot-list", "--name", "--topological", lab.domain("web")).split()


def top(lab: Lab, disk: str) -> tuple[str, str]:
    """The file that the machine writes to, and its format."""
    target = {"root": "vda", "data": "vdb"}[disk]
    for line in virsh("domblklist", "--inactive", lab.domain("web")).splitlines():
        if line.split()[:1] == [target]:
            path = line.split()[1]
            return path, "raw" if path.endswith(".raw") else "qcow2"
    raise AssertionError(disk)


def put(lab: Lab, disk: str, byte: int) -> None:
    if virsh("domstate", lab.domain("web")).strip() == "running":
        device = f"/machine/peripheral/ua-disk-{disk}/virtio-backend"
        said = virsh("qemu-monitor-command", "--hmp", lab.domain("web"),
                     f'qemu-io -d {device} "write -P {byte} 0 64k"')
        assert "error" not in said.lower(), said
    else:
        path, form = top(lab, disk)
        subprocess.run(["qemu-io", "-f", form, "-c", f"write -P {byte} 0 64k", path],
                       capture_output=True, check=True)


def holds(lab: Lab, disk: str, byte: int) -> bool:
    path, form = top(lab, disk)
    done = subprocess.run(["qemu-io", "-r", "-f", form, "-c", f"read -P {byte} 0 64k", path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "Pattern verification failed" in done.stdout, done.stderr
    return done.returncode == 0


def test_an_external_snapshot_of_a_machine_that_is_off(web: Lab) -> None:
    declare(web, ROOT_DISK, RAW, running=False)
    web.apply()
    put(web, "root", 1), put(web, "data", 1)
    assert "only qcow2 can have snapshots inside" in snapshot(web, "create", "web", "a", expect=1)
    assert names(web) == []
    snapshot(web, "create", "vm/web", "before", "--external")
    web.assert_settled()
    assert names(web) == ["before"] and "/snapshots/" in top(web, "data")[0]
    assert oct(os.stat(top(web, "root")[0]).st_mode & 0o777) == "0o600"
    put(web, "root", 2), put(web, "data", 2)
    web.assert_settled()
    # What would change a disk below its snapshot waits, and says for what; the rest is done.
    declare(web, "{name: root, size: 2MiB}", RAW, running=False, memory="80MiB")
    plan = web.plan()
    assert "snapshots of tctz-web stand on it" in plan["disk/web-root"]["blocked"]
    web.apply(expect=1)
    assert "/snapshots/" in top(web, "root")[0] and holds(web, "root", 2)
    declare(web, RAW, running=False, memory="80MiB")
    assert "it has the snapshots before" in web.plan()["virtualmachine/web"]["blocked"]
    assert "it has the snapshots before" in web.run(
        "destroy", "--yes", "--delete-data", "*", expect=1)
    declare(web, ROOT_DISK, RAW, running=False, memory="80MiB")
    web.assert_settled()
    snapshot(web, "revert", "web", "before")
    web.assert_settled()
    assert holds(web, "root", 1) and holds(web, "data", 1)
    assert len(list((web.storage / "trash").iterdir())) == 2
    put(web, "root", 3)
    snapshot(web, "delete", "web", "before")
    web.assert_settled()
    assert names(web) == [] and not list((web.storage / "snapshots").iterdir())
    assert top(web, "root")[0] == str(web.disk("web-root"))
    assert holds(web, "root", 3) and holds(web, "data", 1)


def test_external_snapshots_of_a_running_machine(web: Lab) -> None:
    declare(web, ROOT_DISK, RAW, running=True)
    web.apply()
    put(web, "root", 1), put(web, "data", 1)
    assert "as after a power cut" in snapshot(web, "create", "web", "one", "--external")
    web.assert_settled()
    put(web, "root", 2)
    snapshot(web, "create", "web", "two", "--external")
    web.assert_settled()
    put(web, "root", 3)
    assert names(web) == ["one", "two"]
    assert "two of virtualmachine/web is newer" in snapshot(web, "delete", "web", "one", expect=1)
    assert "lost with its overlays" in snapshot(web, "create", "web", "three", expect=1)
    assert "--restart" in snapshot(web, "revert", "web", "two", expect=1)
    snapshot(web, "revert", "web", "two", "--restart")
    web.assert_settled()
    assert virsh("domstate", web.domain("web")).strip() == "running"
    put(web, "data", 4)
    snapshot(web, "delete", "web", "two")
    web.assert_settled()
    snapshot(web, "delete", "web", "one")
    web.assert_settled()
    virsh("destroy", web.domain("web"))
    assert holds(web, "root", 2) and holds(web, "data", 4)
    assert not list((web.storage / "snapshots").iterdir())
    web.apply()
    web.assert_settled()


def test_a_host_is_looked_at_while_somebody_takes_a_snapshot(web: Lab) -> None:
    """The memory is written out meanwhile, and libvirt knows of a snapshot that is not yet one."""
    declare(web, ROOT_DISK, running=True, memory="512MiB")
    web.apply()
    virsh("snapshot-create-as", web.domain("web"), "first")
    looks, host = 0, Libvirt("qemu:///system", readonly=True)
    with subprocess.Popen(["virsh", "-q", "-c", "qemu:///system", "snapshot-create-as",
                           web.domain("web"), "second"]) as taking:
        while taking.poll() is None:
            found = host.domains()[web.domain("web")].snapshots
            assert found[0].name == "first" and len(found) <= 2
            looks += 1
    assert taking.returncode == 0 and looks > 1
    assert [one.name for one in host.domains()[web.domain("web")].snapshots] == ["first", "second"]


def test_internal_snapshots(web: Lab) -> None:
    declare(web, ROOT_DISK, running=False)
    web.apply()
    put(web, "root", 1)
    snapshot(web, "create", "web", "off")
    put(web, "root", 2)
    declare(web, ROOT_DISK, running=True)
    web.apply()
    snapshot(web, "create", "web", "on")
    put(web, "root", 3)
    web.assert_settled()
    listed = snapshot(web, "list", "web")
    assert [line.split()[-1] for line in listed.splitlines()] == ["STATE", "shutoff", "running"]
    assert "has a snapshot on already" in snapshot(web, "create", "web", "on", expect=1)
    assert "there are: off, on" in snapshot(web, "revert", "web", "never", expect=1)
    snapshot(web, "revert", "web", "on", "--restart")
    web.assert_settled()
    virsh("destroy", web.domain("web"))
    assert holds(web, "root", 2)
    snapshot(web, "revert", "web", "off")
    assert holds(web, "root", 1)
    snapshot(web, "delete", "web", "off")
    snapshot(web, "delete", "web", "on")
    web.apply()
    web.assert_settled()
    left = subprocess.run(["qemu-img", "snapshot", "-U", "-l", str(web.disk("web-root"))],
                          capture_output=True, text=True, check=True)
    assert left.stdout == ""


def killed_after(lab: Lab, steps: int, *argv: str) -> bool:
    """Whether it was killed, rather than having come to its end before."""
    done = run((*argv, "-f", str(lab.manifests), "--yes"), lab.storage,
               Fault("kill", at=steps, where="^step .* after"))
    assert done.killed or done.code == 0, done.said
    return done.killed


def test_killed_after_each_step(web: Lab) -> None:
    """Whatever the moment, the same command again ends it, and no bytes are mixed up."""
    declare(web, ROOT_DISK, RAW, running=False)
    web.apply()
    put(web, "root", 1), put(web, "data", 1)
    for steps, there in ((1, []), (2, ["s2"])):
        assert killed_after(web, steps, "snapshot", "create", "web", "--external", f"s{steps}")
        assert names(web) == there
    web.assert_settled()
    put(web, "root", 2), put(web, "data", 2)
    # Both fresh ones are aside after 2, an old one is gone after 3, and of what is left to do then
    # the first fresh one is in its place after 4.
    for steps in (2, 3, 4):
        assert killed_after(web, steps, "snapshot", "revert", "web", "s2")
        plan = web.plan()
        blocked = [change["blocked"] for name, change in plan.items() if name.startswith("disk/")]
        # One overlay at least is missing: nothing starts on half a snapshot.
        assert any("is gone" in why for why in blocked) == (steps > 2)
    assert "a revert was cut off" in snapshot(web, "delete", "web", "s2", expect=1)
    assert "failed" in virsh_start(web)
    snapshot(web, "revert", "web", "s2")
    assert holds(web, "root", 1) and holds(web, "data", 1)
    web.assert_settled()
    # One disk is merged after 1; both, and the definition is as before, after 3; then files go.
    for steps, byte in ((1, 11), (3, 12), (1, 13), (2, 14)):
        put(web, "root", byte), put(web, "data", byte)
        assert killed_after(web, steps, "snapshot", "delete", "web", "s2")
        assert holds(web, "root", byte) and holds(web, "data", byte)
    put(web, "root", 15)
    assert "deleted in part" in snapshot(web, "revert", "web", "s2", expect=1)
    snapshot(web, "delete", "web", "s2")
    web.assert_settled()
    assert holds(web, "root", 15) and holds(web, "data", 14)
    assert names(web) == [] and not list((web.storage / "snapshots").iterdir())


def virsh_start(lab: Lab) -> str:
    done = subprocess.run(["virsh", "--connect", "qemu:///system", "start", lab.domain("web")],
                          capture_output=True, text=True, check=False)
    return done.stderr.lower()
