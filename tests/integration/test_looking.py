"""What get, describe, diff and history say, against what qemu, libvirt and the files say."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pexpect
import pytest

from tests.integration.lab import TINYCLOUD, Lab, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MACHINE = """
    kind: VirtualMachine
    metadata: {{name: web, labels: {{tier: front}}}}
    spec:
      cpus: 1
      memory: {memory}
      stopTimeout: 1
      disks: [{{name: root, size: 8MiB}}, {{name: data, image: base, size: {size}}}]
      interfaces: [{{name: eth0, network: inner, address: 10.231.12.9}}]
"""
NETWORK = """
    kind: Network
    metadata: {name: inner}
    spec: {subnet: 10.231.12.0/24, dhcp: {from: 10.231.12.100, to: 10.231.12.110}}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A machine that runs (nothing), with a blank disk and one on an image."""
    made = Lab.make("tcti")
    (made.folder / "base.raw").write_bytes(os.urandom(1 << 20) * 4)
    made.write("base", "kind: Image\nmetadata: {name: base}\nspec: {source: {path: ../base.raw}}")
    made.write("net", NETWORK)
    made.write("web", MACHINE.format(memory="64MiB", size="8MiB"))
    made.apply()
    yield made
    for name in virsh("snapshot-list", "--name", made.domain("web"), check=False).split():
        virsh("snapshot-delete", "--metadata", made.domain("web"), name)
    made.clean()


def told(lab: Lab, *argv: str, expect: int = 0) -> str:
    """stdout of a verb that is given names."""
    done = subprocess.run([TINYCLOUD, *argv, "-f", str(lab.manifests)], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == expect and "Traceback" not in said, said
    return said


def documents(lab: Lab) -> dict[str, Any]:
    """The status by kind/name."""
    found = json.loads(told(lab, "get", "-o", "json"))
    schema = Path(__file__).parents[2] / "schemas" / "get.json"
    jsonschema.validate(found, json.loads(schema.read_text()))
    return {f"{one['kind']}/{one['metadata']['name']}".lower(): one["status"]
            for one in found["items"]}


def test_what_is_there_is_told_as_the_host_has_it(lab: Lab) -> None:
    found = documents(lab)
    assert {one["phase"] for one in found.values()} == {"ready"}
    machine, disk = found["virtualmachine/web"], found["disk/web-data"]
    assert machine["uuid"] == virsh("domuuid", lab.domain("web")).strip()
    assert (machine["state"], machine["memory"]) == ("running", 64 << 20)
    assert machine["addresses"] == [{"interface": "eth0", "address": "10.231.12.9"}]
    assert disk["path"] == str(lab.disk("web-data")) and disk["usedBy"] == [lab.domain("web")]
    assert disk["actualSize"] == lab.disk("web-data").stat().st_blocks * 512
    assert (disk["virtualSize"], found["image/base"]["virtualSize"]) == (8 << 20, 4 << 20)
    assert [one["owner"] for one in disk["chain"]] == ["disk/web-data", "image/base"]
    assert found["image/base"]["standingOn"] == ["disk/web-data"]
    network = found["network/inner"]
    assert network["usedBy"] == [lab.domain("web")]
    assert f"<bridge name='{network['bridge']}'" in virsh("net-dumpxml", network["network"])


def test_a_change_is_a_drift_and_a_diff(lab: Lab) -> None:
    assert lab.run("diff") == ""
    lab.write("web", MACHINE.format(memory="96MiB", size="16MiB"))
    assert {name for name, one in documents(lab).items() if one["phase"] == "drifted"} == {
        "disk/web-data", "virtualmachine/web"}
    said = lab.run("diff", expect=2)
    assert "-  size: 8MiB\n+  size: 16MiB\n" in said
    assert "-  memory: 64MiB\n+  memory: 96MiB\n" in said
    lab.apply()
    waiting = told(lab, "describe", "vm/web")
    assert "At next boot:   memory" in waiting and "A plan would" not in waiting
    assert lab.run("diff").count("\n") == 1, "what waits is a note, and no difference"


def test_snapshots_and_what_was_done(lab: Lab) -> None:
    lab.apply("--restart", "vm/web", "--force-off", "vm/web")
    subprocess.run([TINYCLOUD, "snapshot", "create", "web", "before", "--external", "--yes",
                    "-f", str(lab.manifests)], capture_output=True, check=True)
    said = told(lab, "describe", "vm/web")
    assert re.search(r"\n  data +snapshot +16MiB .*\n +└─ disk/web-data +16MiB +16MiB .*"
                     r"\n +└─ image/base +4MiB ", said), said
    assert re.search(r"\n  before +\d{4}-.* external ", said)
    assert "✓ virtualmachine/web: restarted" in said and "tinycloud snapshot create web" in said
    last = told(lab, "history", "disk/web-data")
    assert "tinycloud apply" in last.splitlines()[0] and "✓ disk/web-data: made" in last
    runs = json.loads(told(lab, "history", "-o", "json"))["runs"]
    assert [run["result"] for run in runs] == ["done"] * 4


def test_a_terminal_shows_it_in_colour_and_in_lines_that_fit(lab: Lab) -> None:
    shown = pexpect.run(
        f"{TINYCLOUD} get -f {lab.manifests}", encoding="utf-8", dimensions=(40, 80),
        env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": ""})
    assert "\x1b[32mready" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 80, plain


def test_a_part_goes_by_its_label(lab: Lab) -> None:
    for name in virsh("snapshot-list", "--name", lab.domain("web"), check=False).split():
        subprocess.run([TINYCLOUD, "snapshot", "delete", "web", name, "--yes",
                        "-f", str(lab.manifests)], capture_output=True, check=True)
    lab.run("destroy", "-l", "tier=front", "--yes", "--force-off", "vm/web")
    (lab.folder / "base.raw").unlink()
    found = documents(lab)
    assert {name: one["phase"] for name, one in found.items()} == {
        "image/base": "ready", "disk/web-root": "ready", "disk/web-data": "ready",
        "virtualmachine/web": "missing", "network/inner": "missing"}, "data is kept"
    assert "usedBy" not in found["disk/web-data"]
    (lab.storage / "records/image-base.json").unlink()
    assert "there is no file" in told(lab, "get", expect=1)
