"""What claims are tried with: manifests in, plans and volumes out. All of it inside the guest."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import libvirt

import tiny_cloud
from tiny_cloud import cli
from tiny_cloud.api import Wish
from tiny_cloud.errors import Problems
from tiny_cloud.model import Consents, Plan

CLOUD = "tctv"
FOLDER = Path("/var/tmp/lab")


def sh(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout.strip()


def write(name: str, *documents: str) -> str:
    """A folder of manifests for a cloud; returns its path."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    cloud = f"kind: Cloud\nmetadata: {{name: {CLOUD}-{name}}}\nspec: {{storage: {FOLDER}/s-{name}}}"
    texts = [f"apiVersion: tinycloud/v1\n{text.strip()}\n" for text in (cloud, *documents)]
    (folder / "all.yaml").write_text("---\n".join(texts))
    return str(folder)


def volume(name: str, **spec: object) -> str:
    return f"kind: LogicalVolume\nmetadata: {{name: {name}}}\nspec: " + json.dumps(
        {"volumeGroup": "vg0", **spec})


def planned(folder: str, **consents: tuple[str, ...]) -> Plan:
    return tiny_cloud.load(folder).plan(Wish(Consents(**consents))).plan


def apply(folder: str, **consents: tuple[str, ...]) -> Plan:
    """Returns what was planned."""
    plan = tiny_cloud.load(folder).plan(Wish(Consents(**consents)))
    wrong = [event for event in plan.applying() if event.what in ("failed", "skipped")]
    assert not wrong, wrong[:2]
    assert not plan.plan.blocked, plan.plan.blocked
    return plan.plan


def settled(folder: str) -> Plan:
    plan = planned(folder)
    assert not plan.changes, plan.changes
    return plan


def device(cloud: str, name: str) -> Path:
    return Path(f"/dev/vg0/{CLOUD}-{cloud}-{name}")


def put(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def get(path: Path, at: int, length: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(at)
        return stream.read(length)


def destroy(folder: str) -> None:
    plan = tiny_cloud.load(folder).plan(Wish(Consents(delete_data=("*",)), destroy=True))
    wrong = [event for event in plan.applying() if event.what in ("failed", "skipped")]
    assert not wrong, wrong[:2]
    cloud = f"{CLOUD}-{Path(folder).name}"
    trash = sh("lvs", "--noheadings", "-o", "lv_name", "-S", f"lv_name=~^{cloud}-").split()
    assert trash and all(name.endswith(".trash") for name in trash), trash
    cli.cli(["purge", folder, "--yes"], standalone_mode=False)
    assert not sh("lvs", "--noheadings", "-o", "lv_name", "-S", f"lv_name=~^{cloud}-")


def refused(words: str, folder: str) -> None:
    try:
        planned(folder)
    except Problems as problems:
        assert words in str(problems), problems
        return
    raise AssertionError(f"planned, and not refused: {words}")


def qemu_size(machine: libvirt.virDomain, driver: str) -> int:
    """What qemu itself, not the host, says of the one disk that it has with this driver."""
    said = json.loads(sh("virsh", "-c", "qemu:///system", "qemu-monitor-command", machine.name(),
                         '{"execute": "query-named-block-nodes"}'))
    sizes = {node["image"]["virtual-size"] for node in said["return"] if node["drv"] == driver}
    assert len(sizes) == 1, sizes
    return int(sizes.pop())
