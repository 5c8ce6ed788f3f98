"""A cloud of its own for a test: manifests, storage, the command line, and the guests' consoles."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt
import pexpect

from tests import forked

TINYCLOUD = str(Path(sys.executable).with_name("tinycloud"))
URI = "qemu:///system"
PLACE = Path("/var/tmp")
LOGS = (Path("/var/log/libvirt/qemu"), Path("/var/log/swtpm/libvirt/qemu"))
BOOT_SECONDS = 600
"""A guest's way to its login prompt in software emulation, on a busy machine."""


@dataclass
class Lab:
    """Its folders are not pytest's: libvirt's qemu user has to reach the disks."""

    name: str
    folder: Path

    @classmethod
    def make(cls, name: str) -> Lab:
        """What a run that was killed left under this name is removed first."""
        _sweep(name)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-{_run()}-", dir=PLACE))
        folder.chmod(0o711)
        lab = cls(name, folder)
        (lab.manifests / "secrets").mkdir(parents=True)
        lab.write("cloud", f"""
            kind: Cloud
            metadata: {{name: {name}}}
            spec: {{connect: "{URI}", storage: {lab.storage}}}
        """)
        return lab

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    def write(self, file: str, text: str) -> None:
        """One document; replaces what the file said before."""
        body = textwrap.dedent(text).strip()
        (self.manifests / f"{file}.yaml").write_text(f"apiVersion: tinycloud/v1\n{body}\n")

    def secret(self, file: str, text: str) -> None:
        (self.manifests / "secrets" / file).write_text(text + "\n")

    def run(self, *argv: str, expect: int | None = 0) -> str:
        """stdout and stderr of a tinycloud command line on the lab's manifests."""
        verb, *options = argv
        return self._said([verb, str(self.manifests), *options], expect)

    def named(self, *argv: str, expect: int | None = 0) -> str:
        """The same for a verb that is given names of things."""
        return self._said([*argv, "-f", str(self.manifests)], expect)

    def _said(self, argv: list[str], expect: int | None) -> str:
        done = forked.tinycloud(argv)
        said = done.out + done.errors
        assert "Traceback" not in said, said
        assert expect is None or done.code == expect, f"exit {done.code}\n{said}"
        return said

    def apply(self, *options: str, expect: int = 0) -> str:
        return self.run("apply", "--yes", *options, expect=expect)

    def plan(self, *options: str) -> dict[str, Any]:
        """Changes by address, and the notes."""
        plan = json.loads(self.run("plan", "--json", *options))
        return {change["address"]: change for change in plan["changes"]} | {"notes": plan["notes"]}

    def assert_settled(self) -> None:
        said = self.run("plan", "--detailed-exitcode")
        assert "No changes" in said

    def domain(self, machine: str) -> str:
        return f"{self.name}-{machine}"

    def disk(self, name: str) -> Path:
        return self.storage / "disks" / f"{name}.qcow2"

    def hears(self, machine: str, line: str) -> None:
        """Wait until that has come to a machine's console log, now or before."""
        log = self.storage / "consoles" / f"{machine}.log"
        deadline = time.monotonic() + BOOT_SECONDS
        while line not in log.read_text(errors="replace"):
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)

    def clean(self) -> None:
        end_all(self.name)
        _remove(self.name, [self.folder])


def _run() -> int:
    """The process that lives as long as this run of the tests: workers may end before others."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def _sweep(name: str) -> None:
    """What is left of the labs of that name whose run is no more; of one that goes on nothing."""
    folders = {folder: folder.name.removeprefix(f"{name}-").partition("-")[0]
               for folder in PLACE.glob(f"{name}-*")}
    if not any(pid.isdigit() and Path("/proc", pid).exists() for pid in folders.values()):
        end_all(name)
        _remove(name, folders)


def _remove(name: str, folders: Collection[Path]) -> None:
    for log in LOGS:
        for path in log.glob(f"{name}-*.log"):
            path.unlink()
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    _forget_pools(folders)
    for folder in folders:
        # A build that was killed leaves /proc, /sys and /dev mounted in its tree.
        for place in reversed([one for one in mounted if one.startswith(f"{folder}/")]):
            subprocess.run(["umount", "--lazy", place], check=True)
        subprocess.run(["rm", "-rf", "--one-file-system", "--", folder], check=True)


def _forget_pools(folders: Collection[Path]) -> None:
    """virt-install makes a storage pool of each folder in which a disk of its machines lies."""
    with closing(libvirt.open(URI)) as connection:
        for pool in connection.listAllStoragePools():
            place = Path(ElementTree.fromstring(pool.XMLDesc()).findtext("target/path", "/"))
            if any(folder in (place, *place.parents) for folder in folders):
                if pool.isActive():
                    pool.destroy()
                pool.undefine()


def end_all(name: str) -> None:
    """The domains, secrets and networks of the labs of that name."""
    with closing(libvirt.open(URI)) as connection, ThreadPoolExecutor(8) as pool:
        all_of_them = connection.listAllDomains()
        ours = [one for one in all_of_them if one.name().startswith(f"{name}-")]
        list(pool.map(_end, ours))
        for secret in connection.listAllSecrets():
            if secret.usageID().startswith(f"tinycloud {name} "):
                secret.undefine()
        for network in connection.listAllNetworks():
            if network.name().startswith(f"{name}-"):
                with suppress(libvirt.libvirtError):
                    network.destroy()
                with suppress(libvirt.libvirtError):
                    network.undefine()


def _end(domain: libvirt.virDomain) -> None:
    # It may go off by itself meanwhile.
    with suppress(libvirt.libvirtError):
        domain.destroy()
    with suppress(libvirt.libvirtError):
        domain.undefineFlags(
            libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_TPM)


def virsh(*argv: str, check: bool = True) -> str:
    done = subprocess.run(
        ["virsh", "--connect", URI, *argv], capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


def digest(path: Path, algorithm: str = "sha256") -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below a folder: inode, size, mtime; what is equal in two was not touched."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


class Console:
    """The serial console of a running machine, as a person would use it."""

    PROMPT = "tinycloud-test# "

    def __init__(self, domain: str) -> None:
        self.child = pexpect.spawn(
            "virsh",
            ["--connect", URI, "console", "--force", domain],
            timeout=BOOT_SECONDS,
            encoding="utf-8",
            codec_errors="replace",
            env={**os.environ, "TERM": "dumb"},
        )
        self.child.expect_exact("Escape character is")

    def login(self, hostname: str, user: str, password: str) -> None:
        # A prompt may have been shown before this console was opened: ask for another.
        prompt = f"{hostname} login: "
        while self.child.expect_exact([prompt, pexpect.TIMEOUT], timeout=5):
            self.child.sendline("")
            assert self.child.isalive()
        self.child.sendline(user)
        self.child.expect_exact("Password: ", timeout=60)
        self.child.sendline(password)
        self.child.expect([r"[#$] $"], timeout=120)
        # A plain shell: bash's line editing would mix its own sequences into what is read.
        # Nor shall the kernel's words come in between.
        self.child.sendline(f"stty -echo cols 500; dmesg -n 1; PS1='{self.PROMPT}' exec sh")
        self.child.expect(f"[\\r\\n]{self.PROMPT}", timeout=60)

    def run(self, command: str) -> str:
        self.child.sendline(command)
        self.child.expect_exact(self.PROMPT, timeout=120)
        return str(self.child.before).replace("\r", "").strip()

    def close(self) -> None:
        """Logged out, so that whoever comes next finds a login prompt."""
        self.child.sendline("exit")
        self.child.expect_exact([" login: ", pexpect.EOF], timeout=60)
        self.child.close(force=True)
