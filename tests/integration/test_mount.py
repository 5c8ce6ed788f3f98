"""tinycloud mount: a disk is looked into, not a byte of it changes, and nothing is left behind."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lab import BOOT_SECONDS, TINYCLOUD, Lab, digest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

MACHINE = """
    kind: VirtualMachine
    metadata: {{name: web}}
    spec:
      accel: tcg
      cpus: 1
      memory: 64MiB
      running: {running}
      disks: [{{name: root, image: tree}}]
"""
TREE = {
    "etc/os-release": "ID=debian\nVERSION_ID=12\n", "etc/debian_version": "12.0\n",
    "etc/fstab": "/dev/sda / ext4 defaults 0 1\n", "etc/hostname": "looked-into\n",
    "bin/sh": "", "lib/x": "", "usr/bin/x": "", "var/lib/dpkg/status": "", "root/x": "",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab.make("tctzm")
    tree, image = lab.folder / "tree", lab.folder / "tree.raw"
    for name, text in TREE.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(image), "16M"], check=True)
    lab.write("image", f"""
        kind: Image
        metadata: {{name: tree}}
        spec: {{source: {{path: {image}}}}}
    """)
    lab.write("web", MACHINE.format(running="false"))
    lab.apply()
    yield lab
    lab.clean()


def start(lab: Lab, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen([TINYCLOUD, "mount", *argv, "-f", str(lab.manifests)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def left(lab: Lab) -> list[str]:
    """Command lines of processes that have to do with its files."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        # The machine's own qemu, whose name is guest=…, goes on.
        if ("guestmount" in words or "guestfs" in words) and str(lab.storage) in words:
            found.append(words)
    return found


def gone(lab: Lab, where: Path) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        # Not ismount(): it takes one whose server is dead for none.
        if not left(lab) and str(where) not in Path("/proc/mounts").read_text():
            return True
        time.sleep(0.2)
    return False


def test_looked_into_until_ctrl_c(lab: Lab) -> None:
    before = digest(lab.disk("web-root"))
    child = start(lab, "web-root")
    assert child.stdout is not None
    where = Path(child.stdout.readline().strip())
    assert (where / "etc/hostname").read_text() == TREE["etc/hostname"]
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    (options,) = [words[3].split(",") for words in mounts if words[1] == str(where)]
    assert {"nosuid", "nodev"} <= set(options)
    with pytest.raises(OSError, match="Read-only file system"):
        (where / "etc/hostname").write_text("changed")
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=BOOT_SECONDS)
    assert child.returncode == 0, said
    assert gone(lab, where) and not where.exists()
    assert digest(lab.disk("web-root")) == before


def test_a_disk_in_use_is_said_to_be_and_a_kill_leaves_nothing(lab: Lab) -> None:
    lab.write("web", MACHINE.format(running="true"))
    lab.apply()
    where = lab.folder / "here"
    where.mkdir()
    child = start(lab, "vm/web", str(where))
    assert child.stdout is not None
    assert child.stdout.readline().strip() == str(where)
    assert (where / "etc/hostname").read_text() == TREE["etc/hostname"]
    child.kill()
    assert "tctzm-web is running and writes to" in child.communicate(timeout=BOOT_SECONDS)[1]
    assert gone(lab, where)
    lab.assert_settled()


def test_what_cannot_be_mounted(lab: Lab) -> None:
    (lab.folder / "full").mkdir()
    (lab.folder / "full" / "x").touch()
    for argv, why in ((("never",), "no disk, logicalvolume or virtualmachine called never"),
                      (("web-root", str(lab.folder / "full")), "is not an empty folder")):
        child = start(lab, *argv)
        assert why in child.communicate(timeout=BOOT_SECONDS)[1] and child.returncode == 1
