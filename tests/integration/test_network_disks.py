"""A machine with disks of real servers: iSCSI with CHAP, NBD at a socket, a port and over TLS, RBD,
and a block device by a path that stays.

One machine lives through this module, in the order of the tests; what it writes to its disks in one
run it reads in the next.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.lab import LOGS, Lab, virsh
from tests.integration.servers import block, free_port, nbd, run, tgt, tiny_guest
from tests.integration.servers.ceph import POOL, Cluster, ceph
from tests.integration.servers.secrecy import nobody_is_told, secrets_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PASSWORD = "canary-Chap-31415926"
DISKS = ("iscsi", "socket", "port", "tls", "rbd", "shelf")


@dataclass(frozen=True, slots=True)
class Storage:
    """The servers' disks, as a manifest has them, by name."""

    lab: Lab
    words: dict[str, str]
    key: str
    """Of the user of Ceph."""

    def declare(self, *disks: str, word: str, name: str = "net") -> None:
        items = "".join(f"\n            - {{name: {disk.partition(' ')[0]}, "
                        f"{self.words[disk.split()[-1]]}}}" for disk in disks)
        self.lab.write(name, f"""
          kind: VirtualMachine
          metadata: {{name: {name}}}
          spec:
            cpus: 1
            memory: 192MiB
            accel: tcg
            stopTimeout: 20
            kernel: {{path: {self.lab.folder}/vmlinuz, initrd: {self.lab.folder}/initrd,
                      cmdline: {tiny_guest.CMDLINE} word={word} end}}
            disks:{items}
        """)


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with ExitStack() as stack:
        lab = Lab.make("tctn")
        stack.callback(lab.clean)
        folder = lab.folder
        tiny_guest.make(folder)
        files = {name: folder / f"{name}.disk" for name in DISKS}
        for file in files.values():
            file.write_bytes(bytes(4 << 20))
        cluster = stack.enter_context(ceph(folder / "ceph"))
        words = _words(stack, folder, files, cluster)
        key = cluster.key("web")
        shelf = stack.enter_context(block.device(files["shelf"], "tctn-shelf"))
        lab.write("shelf", f"""
            kind: Disk
            metadata: {{name: shelf}}
            spec: {{external: true, format: raw, path: {shelf}}}
        """)
        lab.secret("chap", PASSWORD)
        lab.secret("cephx", key)
        lab.secret("wrong", run("ceph-authtool", "--gen-print-key").strip())
        yield Storage(lab, words, key)


def _words(
    stack: ExitStack, folder: Path, files: dict[str, Path], cluster: Cluster
) -> dict[str, str]:
    (folder / "impatient.conf").write_text("[client]\nclient mount timeout = 4\n")
    # Without an exclusive lock: that of a qemu which was killed lasts for half a minute.
    cluster.rbd("create", f"{POOL}/web", "--size", "4M", "--image-feature", "layering")
    iscsi = stack.enter_context(tgt.tgtd(folder, files["iscsi"], "web", PASSWORD))
    socket = stack.enter_context(nbd.at_socket(folder, files["socket"]))
    port = stack.enter_context(nbd.at_port(folder, files["port"], "web"))
    tls = stack.enter_context(nbd.over_tls(folder, files["tls"]))
    target = f"iscsi: {{host: 127.0.0.1, port: {iscsi}, target: {tgt.TARGET}, lun: LUN, auth: " \
             "{user: web, secret: {file: secrets/chap}}}"
    return {
        "iscsi": target.replace("LUN", "1"),
        "refused": target.replace("LUN", "2").replace("secrets/chap", "secrets/cephx"),
        "socket": f"nbd: {{socket: {socket}}}",
        "port": f"nbd: {{host: 127.0.0.1, port: {port}, export: web}}",
        "tls": f"nbd: {{host: 127.0.0.1, port: {tls}, tls: true}}",
        "plain": f"nbd: {{host: 127.0.0.1, port: {tls}, export: plain}}",
        "wrong": f"rbd: {{monitors: ['127.0.0.1:{cluster.port}'], pool: {POOL}, image: other, "
                 f"config: {folder}/impatient.conf, auth: {{user: web, "
                 "secret: {file: secrets/wrong}}}",
        "silent": f"nbd: {{host: 127.0.0.1, port: {free_port()}}}",
        "shelf": "disk: shelf",
        "rbd": f"rbd: {{monitors: ['127.0.0.1:{cluster.port}'], pool: {POOL}, image: web, auth: "
               "{user: web, secret: {file: secrets/cephx}}}",
    }


def test_a_machine_starts_on_disks_of_every_server(storage: Storage) -> None:
    lab = storage.lab
    storage.declare(*DISKS, word="one")
    with nobody_is_told(PASSWORD, storage.key):
        lab.apply()
        for disk in DISKS:
            storage.lab.hears("net", f"disk {disk} had () has (one)")
    lab.assert_settled()
    assert secrets_of(lab) == [
        f"tinycloud tctn virtualmachine/net disks[{disk}].{disk}.auth.secret"
        for disk in ("iscsi", "rbd")]


def test_what_it_wrote_it_reads_when_it_starts_again(storage: Storage) -> None:
    virsh("destroy", storage.lab.domain("net"))
    storage.declare(*DISKS, word="two")
    storage.lab.apply()
    for disk in DISKS:
        storage.lab.hears("net", f"disk {disk} had (one) has (two)")
    storage.lab.assert_settled()


def test_a_disk_comes_and_goes_while_it_runs(storage: Storage) -> None:
    lab = storage.lab
    storage.declare("socket", "port", "tls", word="two")
    assert lab.plan()["virtualmachine/net"]["impact"] == "live"
    lab.apply()
    lab.assert_settled()
    assert secrets_of(lab) == []
    storage.declare("socket", "port", "tls", "late iscsi", "later rbd", word="two")
    lab.apply()
    for disk in ("late", "later"):
        storage.lab.hears("net", f"disk {disk} had (two) has (two)")
    lab.assert_settled()


@pytest.mark.parametrize(("disk", "words"), [
    ("refused", "refused the user or the password"), ("plain", "tls: true"),
    ("wrong", "refused the user or the key")])
def test_what_the_server_refuses_leaves_all_as_it_was(
    storage: Storage, disk: str, words: str
) -> None:
    lab, there = storage.lab, ("socket", "port", "tls", "late iscsi", "later rbd")
    before = virsh("dumpxml", lab.domain("net"), "--inactive"), secrets_of(lab)
    storage.declare(*there, disk, word="two")
    assert words in lab.apply(expect=1)
    assert (virsh("dumpxml", lab.domain("net"), "--inactive"), secrets_of(lab)) == before
    storage.declare(*there, word="two")
    lab.assert_settled()


def test_a_server_that_does_not_answer_stops_the_plan(storage: Storage) -> None:
    lab = storage.lab
    storage.declare("silent", word="two", name="other")
    said = lab.run("plan", expect=1)
    assert "does not answer: Connection refused" in said
    assert "other.yaml:" in said
    assert lab.domain("other") not in virsh("list", "--all", "--name")
    (lab.manifests / "other.yaml").unlink()


def test_no_credential_is_written_anywhere(storage: Storage) -> None:
    lab = storage.lab
    plan = lab.folder / "saved.plan"
    virsh("destroy", lab.domain("net"))
    said = lab.run("plan", "--commands") + lab.run("plan", "--json") + lab.run(
        "plan", "--out", str(plan))
    said += virsh("dumpxml", lab.domain("net"), "--security-info")
    needles = [PASSWORD.encode(), storage.key.encode(), base64.b64decode(storage.key)]
    files = [plan, *(file for file in lab.storage.rglob("*") if file.is_file()),
             *(file for log in LOGS for file in log.glob(f"{lab.name}-*.log"))]
    assert lab.storage / "journal.jsonl" in files
    assert [file for file in files for needle in needles if needle in file.read_bytes()] == []
    assert [needle for needle in needles if needle in said.encode()] == []


def test_the_passwords_go_with_the_machine(storage: Storage) -> None:
    lab = storage.lab
    lab.run("destroy", "--yes", "--force-off", "vm/net")
    assert secrets_of(lab) == []
