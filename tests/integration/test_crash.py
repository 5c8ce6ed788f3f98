"""kill -9 after each step of an apply: the next one ends in an empty plan, whatever the moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.fault import Fault
from tests.faults.run import run
from tests.integration.lab import Lab, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def killed_after(lab: Lab, steps: int) -> bool:
    """Whether the apply was killed, rather than having come to its end before."""
    argv = ("apply", str(lab.manifests), "--yes", "--parallel", "1")
    done = run(argv, lab.storage, Fault("kill", at=steps, where="^step .* after"))
    assert done.killed or done.code == 0, done.said
    return done.killed


def test_killed_after_each_step(debian: Path, lab: Callable[[str], Lab]) -> None:
    """Each run goes one step further than the one before, from whatever that one left."""
    cloud = lab("tctkill")
    cloud.secret("root.txt", "a password")
    cloud.write("image", f"""
        kind: Image
        metadata: {{name: debian}}
        spec: {{source: {{path: {debian}}}}}
    """)
    cloud.write("web", """
        kind: VirtualMachine
        metadata: {name: web}
        spec:
          cpus: 1
          memory: 256MiB
          disks: [{name: root, image: debian, size: 4GiB}]
          interfaces: [{name: eth0, user: {}, address: 10.0.2.15/24}]
          guest:
            hostname: web
            users: {root: {password: {file: secrets/root.txt}}}
    """)
    kills = steps = 0
    left = everything = set(cloud.plan())
    while killed_after(cloud, steps := steps + 1):
        kills += 1
        # Half done or not, the plan can be made, and says no more than what is left to do.
        now = set(cloud.plan())
        assert now <= left
        # What is finished stays so: go through the steps of what comes next from the first one.
        left, steps = (now, 0) if now < left else (left, steps)
        assert kills < 40
    # Five of the image, six of the disk and its guest, and those of the machine until it runs.
    assert kills >= 14 and "disk/web-root" in everything
    cloud.assert_settled()
    assert virsh("domstate", cloud.domain("web")).strip() == "running"
    names = {path.name for path in cloud.storage.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith((".part", ".stamp"))]
    # It boots: to be asked to end would be too early.
    virsh("destroy", cloud.domain("web"))
    cloud.run("destroy", "--yes", "--delete-data", "*")
    cloud.run("purge", "--yes")
    assert [path.name for path in cloud.storage.rglob("*")] == ["journal.jsonl"]
