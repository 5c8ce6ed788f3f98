"""The claim on encrypted volumes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import libvirt

from tests.fake.volumes import HEADER
from tests.integration.lvm_guest.lab import (
    CLOUD,
    FOLDER,
    apply,
    device,
    get,
    qemu_size,
    settled,
    volume,
    write,
)
from tiny_cloud import luks

KEY = "canary, which opens the volume"
MIB = 1 << 20
SECRET = {"file": "secrets/key"}
MACHINE = """
kind: VirtualMachine
metadata: {{name: web}}
spec:
  cpus: 1
  memory: 64MiB
  accel: tcg
  interfaces: []
  disks:
    - {{name: root, image: random, size: {size}MiB, volumeGroup: vg0,
        encryption: {{secret: {{file: secrets/key}}}}}}
"""


def claim_an_encrypted_volume_starts_a_machine_and_grows_under_it() -> None:
    content, source, told = os.urandom(4 * MIB), FOLDER / "plain.raw", started()
    source.write_bytes(content)
    image = f"kind: Image\nmetadata: {{name: random}}\nspec: {{source: {{path: {source}}}}}"
    folder = write("luks", image, MACHINE.format(size=8))
    (Path(folder) / "secrets").mkdir()
    (Path(folder) / "secrets/key").write_text(f"{KEY}\n")
    told.append(repr(apply(folder)))
    settled(folder)
    machine = libvirt.open("qemu:///system").lookupByName(f"{CLOUD}-luks-web")
    assert machine.isActive() and qemu_size(machine, "luks") == 8 * MIB - HEADER

    root = device("luks", "web-root")
    there = get(root, 0, 8 * MIB)
    assert there.startswith(b"LUKS\xba\xbe")
    assert not any(content[at:at + 512] in there for at in range(0, len(content), MIB))
    assert shown(root) == content

    snap = volume("snap", size="50%ORIGIN", snapshotOf="web-root", encryption={"secret": SECRET})
    folder = write("luks", image, MACHINE.format(size=16))
    told.append(repr(apply(folder)))
    assert qemu_size(machine, "luks") == 16 * MIB - HEADER
    folder = write("luks", image, MACHINE.format(size=16), snap)
    told.append(repr(apply(folder)))
    settled(folder)
    machine.destroy()
    assert shown(device("luks", "snap")) == content

    told.append(Path(f"/var/log/libvirt/qemu/{machine.name()}.log").read_text())
    assert any("--target-image-opts" in text for text in told)  # it does see what is started
    assert not [text for text in told if KEY in text]
    kept = [path for path in (FOLDER / "s-luks").rglob("*") if path.is_file()]
    assert {"journal.jsonl", "logicalvolume-web-root.json"} <= {path.name for path in kept}
    assert not [path for path in kept if KEY.encode() in path.read_bytes()]


def started() -> list[str]:
    """The argv and the environment of whatever this process starts from now on."""
    told: list[str] = []
    sys.addaudithook(
        lambda event, what: told.append(repr(what)) if event == "subprocess.Popen" else None)
    return told


def shown(path: Path) -> bytes:
    """What qemu sees of the image, with the key."""
    clear = FOLDER / "clear.raw"
    subprocess.run(["qemu-img", "convert", "-U", *luks.KEY, *luks.opened(str(path), "luks"),
                    "-O", "raw", str(clear)], input=KEY.encode(), check=True)
    return clear.read_bytes()[:4 * MIB]
