"""A machine of a sandbox as its user sees it: a way in over ssh, and what its console says."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from tiny_cloud.errors import Failure
from tiny_cloud.host import command
from tiny_cloud.host.servers import greeting_fault
from tiny_cloud.libvirt_xml import LOOPBACK
from tiny_cloud.reach import login
from tiny_cloud.reach.waiting import POLL, SSH
from tiny_cloud.sandbox.clearing import STORAGE

Spec: TypeAlias = Mapping[str, Any]
TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What moves a cursor or colours (ECMA-48, 5.4), and all other control characters."""
KEY, KNOWN = "key", "known_hosts"
BOOT = 300.0
"""Seconds until a guest answers, in software emulation on a busy machine."""
SHOWN = 20
"""Lines of the console that are shown of a guest that does not answer."""
USER_NETWORK: Mapping[str, Any] = {"address": "10.0.2.15/24", "gateway": "10.0.2.2",
                                   "dns": ["10.0.2.3"]}
"""What qemu's user-mode network gives (qemu(1), -netdev user)."""
OPTIONS = ("BatchMode=yes", "IdentitiesOnly=yes", "LogLevel=ERROR")


@dataclass(frozen=True, slots=True)
class SandboxMachine:
    """A machine of a sandbox."""

    name: str
    folder: Path = field(repr=False)
    """Of its sandbox."""
    port: int = 0
    """Of 127.0.0.1, where its ssh server answers; 0: it has no way in."""

    def run(self, words: str, *, timeout: float = 120.0, boot: float = BOOT) -> str:
        """What a shell command of root's prints to stdout, without the last line break.

        Waits for ``boot`` seconds until the guest answers, and ``timeout`` seconds for the command.
        Raises Failure if either is too little, or the command ends with something else than 0.
        """
        command.require("ssh")
        self.wait(boot)
        files = (f"IdentityFile={self.folder / KEY}", f"UserKnownHostsFile={self.folder / KNOWN}")
        argv = login.argv(login.Way(LOOPBACK, self.port), user="root", alias=self.name,
                          options=(*OPTIONS, *files), command=(words,))
        try:
            # What the user's own ssh is set up for is no affair of a test's.
            done = subprocess.run(
                [argv[0], "-F", "none", *argv[1:]], capture_output=True, text=True,
                errors="replace", stdin=subprocess.DEVNULL, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name}: {words} takes longer than {timeout:g} s") from None
        if done.returncode:
            raise Failure(f"{self.name}: {words} ends with {done.returncode}",
                          detail=done.stderr.strip())
        return done.stdout.removesuffix("\n")

    def wait(self, timeout: float = BOOT) -> None:
        """Until its ssh server answers. Raises Failure after ``timeout`` seconds."""
        if not self.port:
            raise Failure(f"{self.name} has no way in", "give it an image, and no interfaces")
        deadline = time.monotonic() + timeout
        while fault := greeting_fault((LOOPBACK, self.port), SSH):
            if time.monotonic() > deadline:
                last = "\n".join(self.console().splitlines()[-SHOWN:])
                raise Failure(f"{self.name} does not answer within {timeout:g} s: {fault}",
                              "look at the end of its console", last)
            time.sleep(POLL)

    def console(self) -> str:
        """What came out of its serial port so far, as plain text; empty if that cannot be read."""
        log = self.folder / STORAGE / "consoles" / f"{self.name}.log"
        try:
            return TERMINAL.sub("", log.read_text(errors="replace"))
        except OSError:
            return ""


def shut(name: str, folder: Path, spec: Spec, port: int) -> tuple[SandboxMachine, dict[str, Any]]:
    """A machine that is as its ``spec`` says, and nobody enters."""
    return SandboxMachine(name, folder), dict(spec)


def entered(
    name: str, folder: Path, spec: Spec, port: int
) -> tuple[SandboxMachine, dict[str, Any]]:
    """A machine with a way in, and its ``spec`` with that added. Raises Failure."""
    guest = spec.get("guest", {})
    users = guest.get("users", {})
    root = users.get("root", {})
    keys = [*root.get("authorizedKeys", ()), _public_key(folder / KEY)]
    forward = {"host": f"{LOOPBACK}:{port}", "guest": 22}
    return SandboxMachine(name, folder, port), {
        **spec,
        "interfaces": [{"name": "eth0", "user": {"forward": [forward]}, **USER_NETWORK}],
        "guest": {"hostname": name, **guest,
                  "users": {**users, "root": {**root, "authorizedKeys": keys}}},
    }


def free_ports(number: int) -> list[int]:
    """Of this host, all different. If somebody takes one before its machine starts, that is a
    Failure."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(number)]
        return [server.getsockname()[1] for server in servers]


def _public_key(file: Path) -> str:
    """Of a pair that is made when it is first asked for. Raises Failure."""
    if not file.exists():
        command.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tinycloud", "-f",
                     str(file)))
    return file.with_suffix(".pub").read_text().strip()
