"""A canary for every kind of secret, from every source: none sings where it should not (goal 15).

strace(1) tells of every program that is started, with all of its words and its whole environment:
nobody is too quick to be seen. One cloud lives through this module, in the order of the tests.
"""

from __future__ import annotations

import base64
import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.goals import seen
from tests.integration.lab import LOGS, TINYCLOUD, Lab, virsh
from tests.integration.odd_guests import plain_disk
from tests.integration.servers.secrecy import secrets_of, uuids_of

pytestmark = [pytest.mark.integration, pytest.mark.goal(15), pytest.mark.timeout(900)]

CEPHX = base64.b64encode(struct.pack("<hiih", 1, 0, 0, 16) + b"canary-of-cephx!").decode()
FILES = {
    "disk.key": "canary-of-LUKS", "chap": "canary-of-CHAP-0", "cephx": CEPHX,
    "file": "canary-of-a-file", "koder": "canary-of-koder", "cloud": "canary-of-cloud-init",
    "printed": "canary-of-a-command",
}
VARIABLE = "canary-of-a-variable"
FORMAT = re.compile(r'^\d+ +execve\("(?P<path>[^"]*)", \[(?P<argv>.*?)\], \[(?P<environ>.*)\]')


@dataclass
class Watched:
    """A cloud whose command lines run under strace."""

    lab: Lab
    port: int
    """Where somebody listens who has nothing to say."""
    said: list[str] = field(default_factory=list)
    """All that was printed."""
    key: str = ""
    """A line of the host's key that the guest is given."""

    @property
    def marker(self) -> Path:
        """Where the secrets' command leaves a trace."""
        return self.lab.folder / "it-ran"

    def run(self, verb: str, *options: str, expect: int = 0) -> str:
        trace = self.lab.folder / f"trace.{len(self.said)}"
        done = subprocess.run(
            ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve", "-e", "signal=none",
             "-v", "-s", "65536", "-o", trace, TINYCLOUD, verb, self.lab.manifests, *options],
            capture_output=True, text=True, check=False, env={**os.environ, "CANARY": VARIABLE})
        self.said.append(done.stdout + done.stderr)
        assert done.returncode == expect, self.said[-1]
        return self.said[-1]

    def canaries(self) -> list[str]:
        return [*FILES.values(), VARIABLE, self.key]

    def sings(self, text: str) -> list[str]:
        return [canary for canary in self.canaries() if canary in text]

    def declare(self) -> None:
        printed = f"[sh, -c, 'echo x >>{self.marker}; cat {self.lab.manifests}/secrets/printed']"
        self.lab.write("web", f"""
            kind: VirtualMachine
            metadata: {{name: web}}
            spec:
              cpus: 1
              memory: 64MiB
              accel: tcg
              running: false
              disks:
                - {{name: root, image: small, encryption: {{secret: {{file: secrets/disk.key}}}}}}
                - {{name: chap, iscsi: {{
                    host: 127.0.0.1, port: {self.port}, target: "iqn.2026-01.a:b", lun: 1,
                    auth: {{user: web, secret: {{file: secrets/chap}}}}}}}}
                - {{name: ceph, rbd: {{monitors: ["127.0.0.1:{self.port}"], pool: p, image: i,
                    auth: {{user: web, secret: {{file: secrets/cephx}}}}}}}}
              guest:
                users:
                  root: {{password: {{env: CANARY}}}}
                  ann: {{password: {{command: {printed}}}}}
                  koder: {{password: {{file: secrets/koder}}}}
                sshHostKeys: {{ed25519: {{file: secrets/host.key}}}}
                files: [{{path: /etc/a, secret: {{file: secrets/file}}, mode: "0600"}}]
        """)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Watched]:
    lab = Lab.make("tctdsec")
    disk = lab.folder / "small.raw"
    plain_disk(disk)
    subprocess.run(["debugfs", "-w", "-R", "mkdir /etc/ssh", f"{disk}?offset={1 << 20}"],
                   check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Watched(lab, port=server.getsockname()[1])
        for name, text in FILES.items():
            lab.secret(name, text)
        key = lab.manifests / "secrets/host.key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        found.key = key.read_text().splitlines()[2]
        lab.write("small", f"""
            kind: Image
            metadata: {{name: small}}
            spec: {{source: {{path: {disk}}}}}
        """)
        lab.write("seeded", """
            kind: VirtualMachine
            metadata: {name: seeded}
            spec:
              cpus: 1
              memory: 64MiB
              accel: tcg
              running: false
              disks: [{name: root, image: small}]
              guest:
                method: cloudInit
                users: {root: {password: {file: secrets/cloud}}}
        """)
        found.declare()
        yield found
    lab.clean()


def test_neither_validate_nor_plan_runs_a_command(cloud: Watched) -> None:
    cloud.run("validate")
    for options in ((), ("--json",), ("--commands",), ("--out", str(cloud.lab.folder / "saved"))):
        cloud.run("plan", *options)
    assert not cloud.marker.exists()
    assert secrets_of(cloud.lab) == []


def test_a_crash_in_the_middle_shows_no_secret(cloud: Watched) -> None:
    """A bug of ours, where all secrets are at hand: what is told and kept of it."""
    words = ["tinycloud", "apply", str(cloud.lab.manifests), "--yes"]
    crash = ("from tiny_cloud import cli; from tiny_cloud.host.guest_session import GuestSession\n"
             f"import sys; sys.argv = {words}\n"
             "GuestSession.edit = lambda self, edits: [*edits][0] / 0\ncli.main()")
    done = subprocess.run(
        [Path(TINYCLOUD).with_name("python"), "-c", crash], capture_output=True, text=True,
        check=False, env={**os.environ, "CANARY": VARIABLE})
    cloud.said.append(done.stdout + done.stderr)
    assert done.returncode == 1 and "unsupported operand" in cloud.said[-1]
    assert cloud.sings(cloud.said[-1]) == []


def test_an_apply_has_all_it_needs(cloud: Watched) -> None:
    cloud.run("apply", "--yes", "--json")
    cloud.marker.unlink()
    cloud.run("plan")
    assert not cloud.marker.exists()
    assert cloud.run("plan", "--run-commands", "--detailed-exitcode").endswith(
        "No changes: the host is as the manifests say.\n")
    assert cloud.marker.exists()


def test_no_word_of_it_is_kept_or_told(cloud: Watched) -> None:
    lab = cloud.lab
    domains = [lab.domain(name) for name in ("web", "seeded")]
    told = [*cloud.said, *(virsh("dumpxml", *how, domain) for domain in domains
                           for how in ((), ("--security-info",), ("--inactive",))),
            *(virsh("secret-dumpxml", uuid) for uuid in uuids_of(lab).values()),
            *(path.read_text(errors="replace") for folder in LOGS
              for path in folder.glob(f"{lab.name}-*"))]
    assert [cloud.sings(text) for text in told if cloud.sings(text)] == []
    kept = [path for path in lab.folder.rglob("*") if path.is_file()
            and "secrets" not in path.parts and not path.name.startswith("trace.")]
    names = {path.name for path in kept}
    assert {"saved", "journal.jsonl", "guest-web.json", "seeded.iso", "web-root.qcow2"} <= names
    assert [path for path in kept if cloud.sings(path.read_bytes().decode("latin-1"))] == []
    records = [path for path in kept if path.parent.name in ("records", "seeds")
               or path.name in ("saved", "journal.jsonl")]
    assert len(records) > 6
    # libvirt gives a seed to its qemu user; nobody else may read any of these.
    assert [path for path in records if path.stat().st_mode & 0o077] == []


def test_no_program_is_told_in_its_words_or_its_environment(cloud: Watched) -> None:
    cloud.run("destroy", "--yes", "--delete-data", "disk/*")
    assert secrets_of(cloud.lab) == []
    started = [match for trace in cloud.lab.folder.glob("trace.*")
               for line in trace.read_text().splitlines() if (match := FORMAT.match(line))]
    assert any("qemu-img" in one["path"] for one in started)
    assert any("guest_worker" in one["argv"] for one in started)
    assert [one["argv"] for one in started if cloud.sings(one["argv"])] == []
    # The user's own variables are the user's own command's, and nobody else's.
    given = [one for one in started if cloud.sings(one["environ"])]
    others = [one["argv"] for one in given if one["path"] != TINYCLOUD
              and "it-ran" not in one["argv"] and "secrets/printed" not in one["argv"]]
    assert others == [] and len(given) > 4
    seen(15, "secrets of every kind, from files, a variable and a command: words and environment "
         f"of {len(started)} programs, all that was printed and kept", len(cloud.canaries()),
         short="screens have no passwords here; no machine of these runs (test_luks.py and "
         "test_network_disks.py watch machines that do)")
