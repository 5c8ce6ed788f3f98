"""An ordinary user with libvirt's session: image, guest settings, machine; no root anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

# A run that was killed leaves its user behind: the next one has another.
USER = f"tctsession{os.getpid()}"
ROOT = Path(__file__).parents[2]
MANIFEST = """
    apiVersion: tinycloud/v1
    kind: Image
    metadata: {{name: debian}}
    spec: {{source: {{path: {image}}}}}
    ---
    apiVersion: tinycloud/v1
    kind: VirtualMachine
    metadata: {{name: web}}
    spec:
      cpus: 1
      memory: 512MiB
      stopTimeout: 1
      disks: [{{name: root, image: debian, size: 4GiB}}]
      interfaces: [{{name: eth0, user: {{}}, address: 10.0.2.15/24}}]
      guest: {{hostname: session-web}}
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Of a user who is made for this test, with a copy of tinycloud: ours may be out of reach."""
    subprocess.run(["useradd", "--create-home", USER], check=True, capture_output=True)
    home = Path("/home") / USER
    try:
        shutil.copytree(sysconfig.get_path("purelib"), home / "packages", symlinks=True)
        for folder in ("tiny_cloud", "schemas"):
            shutil.copytree(ROOT / folder, home / "site" / folder)
        yield home
    finally:
        # Its libvirtd ends by itself, but only after two minutes.
        subprocess.run(["pkill", "-KILL", "-u", USER], check=False)
        while subprocess.run(["pgrep", "-u", USER], capture_output=True, check=False).stdout:
            time.sleep(0.1)
        subprocess.run(["userdel", "--remove", USER], check=True, capture_output=True)


def run(home: Path, *argv: str, expect: int = 0) -> str:
    done = subprocess.run(
        ["runuser", "--user", USER, "--", "env", "--ignore-environment",
         f"HOME={home}", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR=1",
         f"PYTHONPATH={home / 'site'}:{home / 'packages'}",
         "/usr/bin/python3", "-c", "from tiny_cloud.cli import main; main()", *argv],
        cwd=home, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode == expect, said
    return said


def declare(home: Path, text: str) -> None:
    folder = home / "manifests"
    folder.mkdir(exist_ok=True)
    (folder / "web.yaml").write_text(textwrap.dedent(text))


def test_a_machine_of_an_ordinary_user(home: Path, debian: Path) -> None:
    declare(home, MANIFEST.format(image=debian))
    said = run(home, "apply", "--yes")
    assert "qemu:///session" in said
    assert "No changes" in run(home, "plan", "--detailed-exitcode")
    storage = home / ".local/share/tinycloud"
    console = storage / "consoles/web.log"
    deadline = time.monotonic() + 300
    while "session-web login:" not in console.read_text(errors="replace"):
        assert time.monotonic() < deadline, console.read_text(errors="replace")[-2000:]
        time.sleep(1)
    run(home, "destroy", "--yes", "--delete-data", "*", "--force-off", "vm/web")
    run(home, "purge", "--yes")
    left = [path.name for path in storage.rglob("*") if not path.is_dir()]
    assert left == ["journal.jsonl"]


def test_what_an_ordinary_user_cannot_have(home: Path, debian: Path) -> None:
    declare(home, MANIFEST.format(image=debian).replace("user: {}", "network: default"))
    said = run(home, "plan", expect=1)
    assert "no active network default" in said and "user: {}" in said


def test_what_takes_root_is_said_when_it_is_planned(home: Path) -> None:
    declare(home, """
        apiVersion: tinycloud/v1
        kind: Disk
        metadata: {name: data}
        spec: {size: 8MiB}
    """)
    elsewhere = ("--storage", "/var/lib/tinycloud/of-root")
    said = run(home, "plan", *elsewhere)
    assert "takes root" in said and "/var/lib/tinycloud/of-root is not yours to write" in said
    assert "cannot be written: Permission denied" in run(home, "apply", "--yes", *elsewhere,
                                                         expect=1)
    assert "takes root" not in run(home, "plan")
    # libvirt of the system is root's, or of those whom root has let in.
    said = run(home, "plan", "--connect", "qemu:///system", expect=1)
    assert "run as root, or join the group libvirt" in said
