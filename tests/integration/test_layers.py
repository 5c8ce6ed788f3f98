"""Overlays of overlays, rebase, flatten, commit and gc: real qemu-img on real files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.fault import Fault
from tests.faults.run import run
from tests.integration.lab import TINYCLOUD, Lab, digest, virsh
from tiny_cloud.errors import Failure
from tiny_cloud.host.qemu_lock import unwritten

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MOMENTS = "^(command (cp|qemu-img (rebase|compare|convert)).* during|file rename|step .* after)"
"""Points at which a disk is copied, compared or put in its place."""
MIB = 1 << 20


def qemu_io(path: Path, *commands: str, readonly: bool = False) -> str:
    argv = [word for command in commands for word in ("-c", command)] + ["-r"] * readonly
    return subprocess.run(["qemu-io", "-f", "qcow2", *argv, str(path)], check=True,
                          capture_output=True, text=True).stdout


def chain(path: Path) -> list[str]:
    argv = ["qemu-img", "info", "--force-share", "--output=json", "--backing-chain", str(path)]
    found = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    return [item["filename"] for item in found]


def content(path: Path, folder: Path) -> str:
    """The digest of every byte that the disk shows."""
    raw = folder / "content.raw"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw], check=True)
    return digest(raw)


class Stack:
    """Image base in two versions, disk web-root of the machine web on it, with writes of its own;
    golden on the image, and leaf on golden."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        for name, pattern in (("one", 1), ("two", 2)):
            source = lab.folder / f"{name}.qcow2"
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", source, "32M"], check=True)
            qemu_io(source, f"write -P {pattern} 0 4M", f"write -P {pattern + 4} 12M 1M")
        self.image("one")
        lab.write("web", """
            kind: VirtualMachine
            metadata: {name: web}
            spec:
              running: false
              cpus: 1
              stopTimeout: 1
              memory: 64MiB
              disks: [{name: root, image: base, size: 40MiB}]
        """)

    def image(self, version: str) -> None:
        self.lab.write("image", f"""
            kind: Image
            metadata: {{name: base}}
            spec: {{source: {{path: {self.lab.folder}/{version}.qcow2}}}}
        """)

    def run(self, verb: str, *arguments: str, expect: int = 0, shown: bool = False) -> str:
        """With what comes before the manifests; ``shown``: what was said beside the result."""
        argv = [TINYCLOUD, verb, *arguments, "-f", str(self.lab.manifests), "--yes"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + (done.stderr if expect or shown else "")

    @property
    def root(self) -> Path:
        return self.lab.disk("web-root")

    def bases(self) -> dict[str, str]:
        """Digests of all images; and that nobody may write to them."""
        paths = sorted((self.lab.storage / "images").glob("*.qcow2"))
        assert all(path.stat().st_mode & 0o222 == 0 for path in paths)
        return {path.name: digest(path) for path in paths}

    def defined_chain(self, machine: str = "web") -> list[str]:
        from tiny_cloud.libvirt_xml import chains

        xml = virsh("dumpxml", "--inactive", self.lab.domain(machine))
        (only,) = chains(xml).values()
        return [layer.path for layer in only]


@pytest.fixture
def stack(lab: Callable[[str], Lab]) -> Iterator[Stack]:
    made = Stack(lab("tctglayers"))
    made.lab.apply()
    qemu_io(made.root, "write -P 9 2M 1M", "write -P 8 36M 1M")
    made.lab.assert_settled()
    yield made


def test_a_disk_moves_to_a_new_version_only_when_asked(stack: Stack) -> None:
    lab, before = stack.lab, content(stack.root, stack.lab.folder)
    stack.image("two")
    lab.apply()
    notes = " ".join(note["text"] for note in lab.plan()["notes"])
    assert "--rebase disk/web-root moves it" in notes
    assert "on it stand disk/web-root, the machine tctglayers-web" in notes
    bases, old = stack.bases(), chain(stack.root)[1]
    lab.assert_settled()

    shown = lab.plan("--rebase", "disk/web-root")["disk/web-root"]
    assert shown["action"] == "update" and "qemu-img rebase" in " ".join(shown["commands"])
    lab.apply("--rebase", "disk/web-root")
    new = chain(stack.root)[1]
    assert new != old and stack.defined_chain() == chain(stack.root)
    assert content(stack.root, lab.folder) == before
    assert stack.bases() == bases
    lab.assert_settled()

    # The old version is of no use to anybody now.
    assert Path(old).name in lab.run("gc", "--commands", "--yes")
    assert sorted(stack.bases()) == [Path(new).name]
    assert [path.name.rpartition(".")[0] for path in (lab.storage / "trash").iterdir()] == [
        Path(old).name]
    assert "No changes" in lab.run("gc")
    lab.assert_settled()


def test_a_running_machine_restarts_for_it_only_with_consent(stack: Stack) -> None:
    lab = stack.lab
    stack.image("two")
    lab.apply()
    virsh("start", lab.domain("web"))
    lab.write("web", (lab.manifests / "web.yaml").read_text().partition("\n")[2].replace(
        "running: false", "running: true"))
    blocked = lab.plan("--rebase", "disk/web-root")["disk/web-root"]
    assert "--restart virtualmachine/web" in blocked["allow"]
    assert "is in use by the running domain" in stack.run("commit", "web-root", "golden", expect=1)
    lab.apply("--rebase", "disk/web-root", "--restart", "vm/web", "--force-off", "vm/web")
    assert virsh("domstate", lab.domain("web")).strip() == "running"
    assert stack.defined_chain() == chain(stack.root) and "two" not in chain(stack.root)[1]
    lab.assert_settled()


def test_a_machine_runs_on_a_disk_that_stands_on_a_disk(stack: Stack) -> None:
    lab = stack.lab
    lab.write("leaf", """
        kind: VirtualMachine
        metadata: {name: leaf}
        spec:
          cpus: 1
          memory: 64MiB
          stopTimeout: 1
          disks: [{name: root, base: web-root}]
    """)
    before = digest(stack.root), stack.bases()
    lab.apply()
    assert virsh("domstate", lab.domain("leaf")).strip() == "running"
    assert stack.defined_chain("leaf") == chain(lab.disk("leaf-root"))
    assert chain(lab.disk("leaf-root"))[1:] == chain(stack.root) and len(stack.bases()) == 1
    assert "disk/leaf-root: stands on 2 layers" in lab.run("plan")
    lab.assert_settled()
    # Nobody else may read what is in a disk, also when it is a base.
    assert stack.root.stat().st_mode & 0o077 == 0
    web = lab.manifests / "web.yaml"
    web.write_text(web.read_text().replace("40MiB", "80MiB"))
    assert "disk/leaf-root stands on it" in lab.plan()["disk/web-root"]["blocked"]
    web.write_text(web.read_text().replace("running: false", "running: true"))
    assert "web writes to disk/web-root, on which disk/leaf-root stands" in lab.run(
        "plan", expect=1)
    for verb in (["flatten", "web-root"], ["commit", "leaf-root", "golden"]):
        web.write_text(web.read_text().replace("running: true", "running: false"))
        stack.run(*verb, expect=1)
    assert (digest(stack.root), stack.bases()) == before


def test_a_disk_becomes_an_image(stack: Stack) -> None:
    lab, before = stack.lab, content(stack.root, stack.lab.folder)
    bases = stack.bases()
    document = stack.run("commit", "disk/web-root", "golden")
    assert "qemu-img convert" in stack.run(
        "commit", "web-root", "other", "--commands", shown=True)
    lab.write("golden", document.partition("\n")[2])
    lab.assert_settled()
    made = {name for name in stack.bases() if name.startswith("golden-")}
    assert len(made) == 1 and bases.items() <= stack.bases().items()
    lab.write("copy", "kind: Disk\nmetadata: {name: copy}\nspec: {image: golden}")
    lab.apply()
    assert content(lab.disk("copy"), lab.folder) == before == content(stack.root, lab.folder)
    # What was made beside it and is in no manifest goes, and nothing else.
    assert "other-" in lab.run("gc", "--yes")
    assert stack.bases().keys() == bases.keys() | made
    assert "image/golden is there already" in stack.run("commit", "copy", "golden", expect=1)


def test_killed_at_every_moment(stack: Stack) -> None:
    """SIGKILL of the whole group in the middle of each program that writes, and after each step."""
    lab, before = stack.lab, content(stack.root, stack.lab.folder)
    stack.image("two")
    lab.apply()
    bases, manifests = stack.bases(), str(lab.manifests)
    rebase = ["apply", manifests, "--yes", "--rebase", "disk/web-root"]
    commit = ["commit", "web-root", "golden", "-f", manifests, "--yes"]
    flatten = ["flatten", "web-root", "-f", manifests, "--yes"]
    for argv, least in ((commit, 4), (rebase, 6), (flatten, 6)):
        kills = 0
        while killed_at(lab, argv, kills + 1):
            kills += 1
            assert content(stack.root, lab.folder) == before
            now = stack.bases()
            assert {name: now[name] for name in bases} == bases
            assert kills < 20
        assert kills >= least
        lab.assert_settled()
        assert content(stack.root, lab.folder) == before
        assert stack.defined_chain() == chain(stack.root)
    assert len(chain(stack.root)) == 1 and len(stack.bases()) == 3
    assert not list(lab.storage.rglob("*.part"))


def test_qemu_and_we_keep_each_other_out(tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    with unwritten(str(disk)):
        assert "offset 0" in qemu_io(disk, "read 0 512", readonly=True)
        with pytest.raises(subprocess.CalledProcessError) as error:
            qemu_io(disk, "write 0 512")
        assert 'Failed to get "write" lock' in error.value.stderr
    writer = subprocess.Popen(["qemu-io", "-f", "qcow2", disk], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert writer.stdin and writer.stdout
    writer.stdin.write("write 0 512\n")
    writer.stdin.flush()
    assert "wrote 512" in writer.stdout.readline() + writer.stdout.readline()
    with pytest.raises(Failure, match="in use"), unwritten(str(disk)):
        pass
    writer.communicate("quit\n")
    with unwritten(str(disk)):
        pass


def killed_at(lab: Lab, argv: list[str], moment: int) -> bool:
    done = run(argv, lab.storage, Fault("kill", at=moment, where=MOMENTS))
    # Who is cut off after the last step of a commit is told its document the next time.
    done_before = "image/golden is there already" in done.errors and "sha256: " in done.errors
    assert done.killed or done.code == 0 or done_before, done.said
    return done.killed
