"""Images of a real Ceph cluster that tinycloud makes: cloned, grown under a machine, cut off,
removed.

One machine lives through this module, in the order of the tests.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.faults.fault import Fault
from tests.faults.run import run as tinycloud
from tests.integration.lab import LOGS, TINYCLOUD, Lab, virsh
from tests.integration.servers import free_port, run, tiny_guest
from tests.integration.servers.ceph import POOL, Cluster, ceph
from tests.integration.servers.secrecy import nobody_is_told, secrets_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MIB = 1 << 20
CLONE = "cloneOf: {image: golden, snapshot: v1}"


@dataclass(frozen=True, slots=True)
class Storage:
    lab: Lab
    cluster: Cluster
    key: str
    """Of the user of Ceph."""

    def declare(self, name: str, *fields: str, port: int = 0, key: str = "cephx") -> None:
        more = "".join(f"\n            {field}" for field in fields)
        self.lab.write(name, f"""
          kind: RBDImage
          metadata: {{name: {name}}}
          spec:
            monitors: ["127.0.0.1:{port or self.cluster.port}"]
            pool: {POOL}
            auth: {{user: web, secret: {{file: secrets/{key}}}}}
            reclaimPolicy: Delete{more}
        """)

    def drop(self, name: str) -> None:
        (self.lab.manifests / f"{name}.yaml").unlink()

    def content(self, image: str) -> bytes:
        to = self.lab.folder / "exported"
        self.cluster.rbd("export", "--no-progress", f"{POOL}/{image}", str(to))
        content = to.read_bytes()
        to.unlink()
        return content

    def size(self, name: str) -> int:
        said = self.cluster.rbd("info", "--format", "json", f"{POOL}/tctr-{name}")
        return int(json.loads(said)["size"])

    def name_as_well(self, image: str, other: str) -> None:
        """The first thing that Ceph does to rename an image: the other name leads to its ID."""
        for verb, name in (("get", image), ("put", other)):
            run("rados", "-c", self.cluster.conf, "-p", POOL, verb, f"rbd_id.{name}",
                str(self.lab.folder / "id"))

    def names(self) -> list[str]:
        return self.cluster.rbd("ls", POOL).split()

    def trashed(self) -> list[str]:
        return [line.split()[1] for line in self.cluster.rbd("trash", "ls", POOL).splitlines()]


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with ExitStack() as stack:
        lab = Lab.make("tctr")
        stack.callback(lab.clean)
        tiny_guest.make(lab.folder)
        cluster = stack.enter_context(ceph(lab.folder / "ceph"))
        plain = lab.folder / "golden"
        plain.write_bytes(b"golden\n".ljust(512, b"\0") + bytes(8 * MIB - 512))
        cluster.rbd("import", "--no-progress", str(plain), f"{POOL}/golden")
        cluster.rbd("snap", "create", f"{POOL}/golden@v1")
        key = cluster.key("web")
        lab.secret("cephx", key)
        lab.secret("wrong", run("ceph-authtool", "--gen-print-key").strip())
        yield Storage(lab, cluster, key)


def machine(storage: Storage, word: str) -> None:
    storage.lab.write("web", f"""
      kind: VirtualMachine
      metadata: {{name: web}}
      spec:
        cpus: 1
        memory: 192MiB
        accel: tcg
        stopTimeout: 2
        kernel: {{path: {storage.lab.folder}/vmlinuz, initrd: {storage.lab.folder}/initrd,
                  cmdline: {tiny_guest.CMDLINE} word={word} end}}
        disks:
          - {{name: root, disk: web-root}}
    """)


def test_what_it_is_to_be_cloned_from_has_to_be_there(storage: Storage) -> None:
    lab = storage.lab
    for clone, sentence in (("image: golde, snapshot: v1", "there is no image rbd/golde"),
                            ("image: golden, snapshot: v2", "no snapshot v2: there is v1")):
        storage.declare("web-root", f"cloneOf: {{{clone}}}")
        said = lab.run("plan", expect=1)
        assert sentence in said and "web-root.yaml:" in said
    storage.declare("web-root", CLONE, "size: 4MiB")
    assert "is smaller than the snapshot" in lab.run("plan", expect=1)


def test_an_old_cluster_clones_what_is_protected(storage: Storage) -> None:
    """What fails leaves nothing behind."""
    storage.declare("web-root", CLONE)
    assert "rbd snap protect" in storage.lab.apply(expect=1)
    assert storage.names() == ["golden"]
    storage.cluster.rbd("snap", "protect", f"{POOL}/golden@v1")


def test_a_machine_starts_on_a_clone_and_reads_what_was_in_the_snapshot(storage: Storage) -> None:
    lab, before = storage.lab, storage.content("golden@v1")
    machine(storage, "one")
    with nobody_is_told(storage.key):
        lab.apply()
        lab.hears("web", "disk root had (golden) has (one)")
        lab.assert_settled()
    assert storage.names() == ["golden", "tctr-web-root"]
    assert storage.content("tctr-web-root").startswith(b"one\n\0")
    assert storage.content("golden@v1") == before
    assert secrets_of(lab) == ["tinycloud tctr virtualmachine/web disks[root].rbd.auth.secret"]


def test_it_is_not_looked_into_from_outside(storage: Storage) -> None:
    said = subprocess.run([TINYCLOUD, "mount", "vm/web", "-f", str(storage.lab.manifests)],
                          capture_output=True, text=True, check=False)
    assert said.returncode == 1 and "rbdimage/web-root is an image of Ceph" in said.stderr


def test_it_grows_under_the_running_machine(storage: Storage) -> None:
    lab = storage.lab
    storage.declare("web-root", CLONE, "size: 16MiB")
    assert lab.plan()["rbdimage/web-root"]["impact"] == "live"
    lab.apply()
    assert f"Capacity:       {16 * MIB}" in virsh("domblkinfo", "tctr-web", "vda")
    assert storage.size("web-root") == 16 * MIB
    lab.assert_settled()
    storage.declare("web-root", CLONE, "size: 8MiB")
    assert "cannot shrink to 8MiB" in lab.run("plan", expect=1)
    storage.declare("web-root", CLONE, "size: 16MiB")


def test_a_kill_leaves_a_part_that_the_next_apply_replaces(storage: Storage) -> None:
    """After it was made, when nothing but the name is missing, and in the midst of its renaming."""
    lab = storage.lab
    storage.declare("late", "size: 4MiB")
    argv = ("apply", str(lab.manifests), "--yes", "--parallel", "1")
    for steps in (1, 3):
        assert tinycloud(argv, lab.storage, Fault("kill", at=steps, where="^step .* after")).killed
        assert "tctr-late.part" in storage.names()
        assert lab.plan()["rbdimage/late"]["because"] == ["an earlier apply was cut off"]
    storage.name_as_well("tctr-late.part", "tctr-late")
    lab.apply()
    lab.assert_settled()
    assert storage.names() == ["golden", "tctr-late", "tctr-web-root"]
    assert storage.trashed() == ["tctr-late.part"] * 2


def test_it_grows_while_nobody_uses_it(storage: Storage) -> None:
    storage.declare("late", "size: 8MiB")
    storage.lab.apply()
    assert storage.size("late") == 8 * MIB
    storage.lab.assert_settled()


def test_what_others_made_is_not_ours(storage: Storage) -> None:
    """A copy has the stamp as well, and is another image."""
    lab, cluster = storage.lab, storage.cluster
    cluster.rbd("cp", "--no-progress", f"{POOL}/tctr-late", f"{POOL}/tctr-found")
    storage.declare("found", "size: 8MiB")
    assert "what is there is not ours: rbdimage/late" in lab.apply(expect=1)
    cluster.rbd("rm", "--no-progress", f"{POOL}/tctr-found")
    cluster.rbd("create", "--size", "8M", f"{POOL}/tctr-found")
    assert "--adopt rbdimage/found" in lab.apply(expect=1)
    lab.apply("--adopt", "rbdimage/found")
    lab.assert_settled()


def test_one_with_snapshots_stays(storage: Storage) -> None:
    lab, cluster = storage.lab, storage.cluster
    cluster.rbd("snap", "create", f"{POOL}/tctr-late@kept")
    storage.drop("late")
    assert "it has the snapshots kept" in lab.apply("--prune", expect=1)
    assert "tctr-late" in storage.names()
    cluster.rbd("snap", "rm", "--no-progress", f"{POOL}/tctr-late@kept")
    lab.apply("--prune")
    assert "tctr-late" in storage.trashed()


@pytest.mark.parametrize(("words", "why"), [
    ({"port": -1}, "no monitor of Ceph at 127.0.0.1"),
    ({"key": "wrong"}, "refused the user or the key")])
def test_what_cannot_be_seen_is_unknown(
    storage: Storage, words: dict[str, int | str], why: str
) -> None:
    port = free_port() if "port" in words else 0
    storage.declare("far", "size: 4MiB", port=port, key=str(words.get("key", "cephx")))
    said = storage.lab.run("apply", "--yes", "--target", "rbdimage/far", expect=1)
    assert "it cannot be observed: " in said and why in said
    assert "tctr-far" not in " ".join(storage.names())
    storage.drop("far")


def test_no_credential_is_written_anywhere(storage: Storage) -> None:
    lab, plan = storage.lab, storage.lab.folder / "saved.plan"
    storage.declare("more", "size: 4MiB")
    said = lab.run("plan", "--commands") + lab.run("plan", "--json") + lab.run(
        "plan", "--out", str(plan)) + virsh("dumpxml", "tctr-web", "--security-info")
    storage.drop("more")
    needles = [storage.key.encode(), base64.b64decode(storage.key)]
    files = [plan, *(file for file in lab.storage.rglob("*") if file.is_file()),
             *(file for log in LOGS for file in log.glob("tctr-*.log"))]
    assert lab.storage / "journal.jsonl" in files
    assert [file for file in files for needle in needles if needle in file.read_bytes()] == []
    assert storage.key not in said


def test_destroying_moves_them_to_cephs_trash(storage: Storage) -> None:
    lab, before = storage.lab, storage.content("golden@v1")
    lab.run("destroy", "--yes", "--force-off", "vm/web")
    assert storage.names() == ["golden"]
    assert {"tctr-web-root", "tctr-late", "tctr-found"} <= set(storage.trashed())
    assert storage.content("golden@v1") == before
    assert secrets_of(lab) == []


def test_purging_empties_it_of_what_is_ours(storage: Storage) -> None:
    storage.cluster.rbd("create", "--size", "1M", f"{POOL}/tctr-theirs")
    storage.cluster.rbd("trash", "mv", f"{POOL}/tctr-theirs")
    said = storage.lab.run("purge", "--yes")
    assert f"{POOL}/tctr-web-root of Ceph at 127.0.0.1" in said
    assert storage.trashed() == ["tctr-theirs"]
    assert "The trash is empty." in storage.lab.run("purge")
