"""Replicas on a real libvirt: made, scaled and taken out; no guest boots."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.integration.lab import URI, Lab

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
MACHINES = """
    kind: VirtualMachine
    metadata: {{name: web}}
    spec:
      replicas: {number}
      cpus: 1
      memory: 32MiB
      running: false
      disks: [{{name: data, size: 1MiB}}]
      interfaces:
        - {{name: eth0, user: {{}}, mac: "52:54:00:1c:70:0${{index}}"}}
"""


def virsh(*argv: str) -> str:
    return subprocess.run(["virsh", "-c", URI, *argv], check=True, capture_output=True,
                          text=True).stdout


def domains(lab: Lab) -> list[str]:
    return sorted(name for name in virsh("list", "--all", "--name").split()
                  if name.startswith(f"{lab.name}-"))


def test_they_come_and_go_by_number(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctlreplicas")
    cloud.write("web", MACHINES.format(number=3))
    cloud.apply()
    assert domains(cloud) == [cloud.domain(f"web-{at}") for at in range(3)]
    for at in range(3):
        assert f"52:54:00:1c:70:0{at}" in virsh("dumpxml", cloud.domain(f"web-{at}"))
    cloud.assert_settled()

    cloud.write("web", MACHINES.format(number=1))
    notes = {note["address"]: note["text"] for note in cloud.plan()["notes"]}
    assert "no longer declared" in notes["virtualmachine/web-2"]
    cloud.apply()
    assert len(domains(cloud)) == 3, "who is no longer declared stays"
    cloud.apply("--prune")
    assert domains(cloud) == [cloud.domain("web-0")]
    assert cloud.disk("web-2-data").exists(), "its data stays all the same"
    cloud.assert_settled()
