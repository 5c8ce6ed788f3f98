"""A Ceph cluster of one monitor and one OSD, which keeps everything in memory; no manager.

The steps are those of https://docs.ceph.com/en/pacific/install/manual-deployment/.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.servers import free_port, listens, process, run, wait

POOL = "rbd"
CONF = """[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{port}
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
run dir = {folder}
admin socket = {folder}/$name.asok
keyring = {folder}/$name.keyring
log file = {folder}/$name.log
pid file =
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data = {folder}/mon
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 268435456
osd memory target = 268435456
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    folder: Path
    port: int

    @property
    def conf(self) -> str:
        return str(self.folder / "ceph.conf")

    def ceph(self, *words: str, stdin: str = "") -> str:
        return run("ceph", "-c", self.conf, "--connect-timeout", "20", *words, stdin=stdin)

    def rbd(self, *words: str) -> str:
        return run("rbd", "-c", self.conf, *words)

    def key(self, user: str) -> str:
        """Of a user who may use the pool, made if there is none."""
        return self.ceph("auth", "get-or-create-key", f"client.{user}", "mon", "profile rbd",
                         "osd", f"profile rbd pool={POOL}").strip()


@contextmanager
def ceph(folder: Path) -> Iterator[Cluster]:
    folder.mkdir()
    cluster, fsid = Cluster(folder, free_port()), str(uuid.uuid4())
    Path(cluster.conf).write_text(CONF.format(fsid=fsid, port=cluster.port, folder=folder))
    _monitor(cluster, fsid)
    log = folder / "out"
    with process("ceph-mon", "-f", "-i", "a", "-c", cluster.conf, log=log):
        wait(lambda: listens(cluster.port), log)
        osd = _osd(cluster)
        with process("ceph-osd", "-f", "-i", osd, "-c", cluster.conf, log=log):
            cluster.ceph("osd", "pool", "create", POOL, "1")
            cluster.ceph("osd", "pool", "application", "enable", POOL, "rbd")
            wait(lambda: "1 up" in cluster.ceph("osd", "stat"), log)
            yield cluster


def _monitor(cluster: Cluster, fsid: str) -> None:
    keys, admin, names = (str(cluster.folder / name) for name in (
        "mon.a.keyring", "client.admin.keyring", "monmap"))
    run("ceph-authtool", "--create-keyring", keys, "--gen-key", "-n", "mon.", "--cap", "mon",
        "allow *")
    run("ceph-authtool", "--create-keyring", admin, "--gen-key", "-n", "client.admin",
        "--cap", "mon", "allow *", "--cap", "osd", "allow *")
    run("ceph-authtool", keys, "--import-keyring", admin)
    run("monmaptool", "--create", "--fsid", fsid, "--addv", "a",
        f"[v1:127.0.0.1:{cluster.port}]", names)
    run("ceph-mon", "--mkfs", "-i", "a", "-c", cluster.conf, "--monmap", names, "--keyring", keys)


def _osd(cluster: Cluster) -> str:
    """Its number."""
    secret = run("ceph-authtool", "--gen-print-key").strip()
    name = str(uuid.uuid4())
    number = cluster.ceph("osd", "new", name, "-i", "-",
                          stdin=f'{{"cephx_secret": "{secret}"}}').strip()
    run("ceph-authtool", "--create-keyring", str(cluster.folder / f"osd.{number}.keyring"),
        "-n", f"osd.{number}", "--add-key", secret)
    (cluster.folder / "osd").mkdir()
    run("ceph-osd", "--mkfs", "-i", number, "-c", cluster.conf, "--osd-uuid", name)
    return number
