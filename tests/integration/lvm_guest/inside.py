"""What is tried inside the guest: a function a claim, on real volumes with real data in them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import libvirt

from tests.integration.lvm_guest.lab import (
    CLOUD,
    FOLDER,
    apply,
    destroy,
    device,
    get,
    planned,
    put,
    qemu_size,
    refused,
    settled,
    sh,
    volume,
    write,
)

MANY = 50
BOOTS_NOTHING = """
kind: VirtualMachine
metadata: {name: web}
spec:
  cpus: 1
  memory: 64MiB
  accel: tcg
  interfaces: []
  disks: [{name: data, disk: data}]
"""


def claim_fifty_volumes_are_made_and_the_second_plan_is_empty() -> None:
    folder = write("many", *(volume(f"v{n}", size="5MiB") for n in range(MANY)))
    assert len(apply(folder).changes) == MANY
    sizes = sh("lvs", "--noheadings", "--units", "b", "--nosuffix", "-o", "lv_size", "-S",
               f"lv_name=~^{CLOUD}-many-").split()
    assert sizes == [str(8 << 20)] * MANY, sizes  # 5 MiB in extents of 4
    journal = (FOLDER / "s-many/journal.jsonl").read_bytes()
    assert not apply(folder).changes
    assert (FOLDER / "s-many/journal.jsonl").read_bytes() == journal


def claim_thin_snapshots_diverge_and_overcommit_is_said() -> None:
    folder = write(
        "thin",
        volume("pool", size="64MiB", type="thin-pool"),
        volume("data", size="100MiB", thinPool="pool"))
    apply(folder)
    put(device("thin", "data"), 0, b"before")
    folder = write(
        "thin",
        volume("pool", size="64MiB", type="thin-pool"),
        volume("data", size="100MiB", thinPool="pool"),
        volume("snap", snapshotOf="data"), volume("large", snapshotOf="data", size="120MiB"))
    assert any("promises" in note.text for note in apply(folder).notes)
    settled(folder)
    put(device("thin", "data"), 0, b"after.")
    put(device("thin", "snap"), 1 << 20, b"only here")
    assert get(device("thin", "snap"), 0, 6) == b"before"
    assert get(device("thin", "large"), 0, 6) == b"before"
    assert get(device("thin", "data"), 0, 6) == b"after."
    assert get(device("thin", "data"), 1 << 20, 9) == bytes(9)
    destroy(folder)


def claim_a_snapshot_that_copies_on_write_keeps_what_was() -> None:
    origin = volume("data", size="16MiB", type="striped", stripes=2)
    folder = write("cow", origin)
    apply(folder)
    put(device("cow", "data"), 4096, b"before")
    folder = write("cow", origin, volume("snap", size="50%ORIGIN", snapshotOf="data"))
    apply(folder)
    settled(folder)
    put(device("cow", "data"), 4096, b"after.")
    assert get(device("cow", "snap"), 4096, 6) == b"before"
    destroy(folder)


def claim_a_grow_under_a_running_machine_is_seen_by_it() -> None:
    connection = libvirt.open("qemu:///system")
    folder = write("live", volume("data", size="8MiB"), BOOTS_NOTHING)
    apply(folder)
    settled(folder)
    machine = connection.lookupByName(f"{CLOUD}-live-web")
    path = str(device("live", "data"))
    assert machine.isActive() and machine.blockInfo(path)[0] == 8 << 20
    put(device("live", "data"), 0, b"data")
    folder = write("live", volume("data", size="30MiB"), BOOTS_NOTHING)
    apply(folder)
    settled(folder)
    assert machine.blockStats(path) and qemu_size(machine, "raw") == 32 << 20
    assert get(device("live", "data"), 0, 4) == b"data"
    refused("cannot shrink", write("live", volume("data", size="4MiB"), BOOTS_NOTHING))
    machine.destroy()


def claim_a_kill_while_it_is_filled_is_named_and_finished() -> None:
    content, part = os.urandom(16 << 20), f"/dev/vg0/{CLOUD}-kill-data.part"
    source = FOLDER / "image.raw"
    source.write_bytes(content)
    image = f"kind: Image\nmetadata: {{name: random}}\nspec: {{source: {{path: {source}}}}}"
    filled = volume("data", size="32MiB", image="random")
    folder = write("kill", image, filled)
    words = (folder, part, content[:4096])
    child = multiprocessing.get_context("fork").Process(target=cut_off, args=words)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL, child.exitcode
    assert get(Path(part), 0, len(content)) != content
    assert "tinycloud.incomplete" in sh("lvs", "--noheadings", "-o", "lv_tags", part)
    # A blank one is cut off between its creation and its stamp; what that leaves is known.
    sh("lvcreate", "--yes", "-L", "8m", "-n", f"{CLOUD}-kill-blank", "--addtag",
       f"tinycloud={CLOUD}-kill/logicalvolume/blank", "--addtag", "tinycloud.incomplete", "vg0")
    folder = write("kill", image, filled, volume("blank", size="4MiB"))
    changes = [c for c in apply(folder).changes if c.address.kind == "logicalvolume"]
    assert [c.because for c in changes] == [("an earlier apply was cut off",)] * 2, changes
    settled(folder)
    assert sh("lvs", "--noheadings", "--units", "m", "-o", "lv_size",
              str(device("kill", "blank"))) == "4.00m"
    assert get(device("kill", "data"), 0, len(content)) == content
    tags = sh("lvs", "--noheadings", "-o", "lv_tags", str(device("kill", "data")))
    assert "incomplete" not in tags and "tinycloud.uuid=" in tags, tags


def cut_off(folder: str, part: str, beginning: bytes) -> None:
    """An apply that is killed, with all that it starts, when the volume has just its beginning."""

    class Started(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, argv: Any, *rest: Any, **words: Any) -> None:
            super().__init__(argv, *rest, **words)
            while argv[0] == "qemu-img" and part in argv:
                self.send_signal(signal.SIGSTOP)
                if get(Path(part), 0, len(beginning)) == beginning:
                    self.kill()  # it has a process group of its own
                    os.killpg(0, signal.SIGKILL)
                self.send_signal(signal.SIGCONT)
                time.sleep(0.001)

    os.setsid()
    subprocess.Popen = Started  # type: ignore[misc]
    apply(folder)


def claim_a_copy_with_the_tags_is_foreign() -> None:
    one = volume("data", size="8MiB")
    apply(write("copy", one))
    tags = sh("lvs", "--noheadings", "-o", "lv_tags", str(device("copy", "data"))).split(",")
    # It is restored from elsewhere under the very name, tags and all.
    sh("lvrename", "vg0", f"{CLOUD}-copy-data", "set-aside")
    marks = [word for tag in tags for word in ("--addtag", tag)]
    sh("lvcreate", "--yes", "-L", "8m", "-n", f"{CLOUD}-copy-data", *marks, "vg0")
    (change,) = planned(write("copy", one)).changes
    assert change.blocked and change.allow == "--adopt logicalvolume/data", change
    sh("lvremove", "--yes", f"vg0/{CLOUD}-copy-data")
    sh("lvrename", "vg0", "set-aside", f"{CLOUD}-copy-data")
    settled(write("copy", one))


def claim_renamed_it_keeps_its_data() -> None:
    apply(write("name", volume("old", size="8MiB")))
    put(device("name", "old"), 0, b"kept")
    new = volume("new", size="8MiB").replace("{name: new}", "{name: new, renamedFrom: old}")
    folder = write("name", new)
    apply(folder)
    settled(folder)
    assert get(device("name", "new"), 0, 4) == b"kept" and not device("name", "old").exists()


def claim_what_does_not_fit_is_refused_before_anything_is_made() -> None:
    refused("left", write("full", volume("a", size="60%VG"), volume("b", size="60%VG")))
    refused("no volume group vg9", write("none", volume("a", size="8MiB", volumeGroup="vg9")))
    assert not sh("lvs", "--noheadings", "-o", "lv_name", "-S",
                  f"lv_name=~^{CLOUD}-full- || lv_name=~^{CLOUD}-none-")
