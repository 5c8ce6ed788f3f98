"""Two machines that were applied to a host in memory: web runs, db does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.fake.libvirt import FakeLibvirt
from tests.unit.conftest import Run
from tiny_cloud.reach import machines

MANIFEST = """\
apiVersion: tinycloud/v1
kind: Cloud
metadata: {{name: lab}}
spec: {{connect: "qemu:///system", storage: {storage}}}
---
apiVersion: tinycloud/v1
kind: Network
metadata: {{name: lan}}
spec: {{subnet: 10.44.0.0/24}}
---
apiVersion: tinycloud/v1
kind: Image
metadata: {{name: debian}}
spec: {{source: {{debootstrap: {{suite: bookworm}}}}}}
---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: web}}
spec:
  cpus: 1
  memory: 512MiB
  stopTimeout: 7
  disks: [{{name: root, image: debian, size: 4GiB}}]
  interfaces:
    - {{name: lan0, network: lan, address: 10.44.0.10}}
    - {{name: out0, user: {{forward: [{{host: "0.0.0.0:2222", guest: 22}}]}}}}
  guest: {{hostname: web, users: {{root: {{password: {{env: PASSWORD}}}}}}}}
---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: db}}
spec:
  cpus: 1
  memory: 512MiB
  running: false
  interfaces: [{{name: out0, user: {{}}}}]
"""


@pytest.fixture
def host(in_memory: FakeHost, tmp_path: Path, run: Run) -> FakeHost:
    storage = tmp_path / "storage"
    storage.mkdir()
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/all.yaml").write_text(MANIFEST.format(storage=storage))
    # What is in memory is no host: it takes one thing at a time.
    code, _, err = run("apply", "--yes", "--parallel", "1")
    assert code == 0, err
    in_memory.performed.clear()
    return in_memory


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, host: FakeHost) -> FakeLibvirt:
    fake = FakeLibvirt(host)
    monkeypatch.setattr(machines, "Libvirt", lambda *_, **__: fake)
    return fake


def with_agent(host: FakeHost, domain: str) -> None:
    """Its guest agent has opened its channel."""
    facts = host.domain[domain]
    target = 'name="org.qemu.guest_agent.0"'
    assert target in facts.live_xml
    live = facts.live_xml.replace(target, f'{target} state="connected"')
    host.domain[domain] = replace(facts, live_xml=live)
