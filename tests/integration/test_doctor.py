"""Doctor on this very host: what the tests around it need is here, and what is hidden is missed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tiny_cloud.host import acceleration
from tiny_cloud.host.here import CACHE
from tiny_cloud.schema.files import whole

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
TINYCLOUD = Path(sys.executable).parent / "tinycloud"
MANIFEST = """\
apiVersion: tinycloud/v1
kind: Cloud
metadata: {{name: tctm}}
spec: {{storage: {storage}}}
---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: web}}
spec: {{cpus: 1, memory: 64MiB, tpm: {{model: tpm-crb}}, disks: [{{name: root, size: 1MiB}}]}}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    (tmp_path / "a.yaml").write_text(MANIFEST.format(storage=tmp_path / "storage"))
    return str(tmp_path / "a.yaml")


def ask(*argv: str, **environ: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run([TINYCLOUD, "doctor", "-o", "json", *argv], capture_output=True,
                          text=True, check=False, env={**os.environ, **environ})
    assert done.stderr == ""
    told = json.loads(done.stdout)
    jsonschema.validate(told, whole("doctor"))
    return done.returncode, {one["ability"]: one for one in told["findings"]}


def test_what_is_declared_can_be_done_here(manifest: str, tmp_path: Path) -> None:
    """With a real appliance, once: everything that these tests stand on is there."""
    code, found = ask(manifest, "--appliance")
    assert code == 0
    missing = {name for name, one in found.items() if not one["able"]}
    # What a container's kernel may lack.
    assert missing <= {"kvm", "device-mapper"}
    assert found["kvm"]["able"] == (acceleration.probe(CACHE) == "kvm")
    assert found["libguestfs"]["text"] == "its appliance starts"
    assert found["qemu-img"]["neededBy"] == ["disk/web-root"]
    assert "free at" in found["storage"]["text"] and not (tmp_path / "storage").exists()


def test_what_is_not_on_the_path_is_missing(manifest: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    code, found = ask(manifest, PATH=str(tmp_path / "bin"))
    assert code == 1
    for name, package in (("qemu", "qemu-system-x86"), ("qemu-img", "qemu-utils"),
                          ("swtpm", "swtpm swtpm-tools")):
        assert found[name]["able"] is False and found[name]["neededBy"]
        assert found[name]["remedy"] == f"apt install {package}"
    assert found["libvirt"]["able"], "it is asked through its binding"


def test_a_libvirt_that_is_not_there_and_what_to_run(manifest: str, tmp_path: Path) -> None:
    uri = f"qemu+unix:///system?socket={tmp_path}/none"
    code, found = ask(manifest, "--connect", uri)
    assert code == 1 and found["libvirt"]["remedy"] == f"try virsh -c {uri} list"
    assert found["libvirt"]["text"].startswith(f"libvirt does not answer at {uri}: ")
