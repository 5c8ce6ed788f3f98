"""A merge request that names a command runs none: neither ``validate`` nor ``plan`` (goal 15)."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiny_cloud.errors import CutOff
from tiny_cloud.host import command, cut_off

TINYCLOUD = str(Path(sys.executable).with_name("tinycloud"))
MANIFEST = """\
apiVersion: tinycloud/v1
kind: Image
metadata: {{name: small}}
spec: {{source: {{debootstrap: {{suite: bookworm}}}}}}
---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: web}}
spec:
  cpus: 1
  memory: 64MiB
  disks: [{{name: root, image: small, encryption: {{secret: {{command: [touch, {ran}]}}}}}}]
  guest:
    users: {{root: {{password: {{command: [touch, {ran}]}}}}}}
    files: [{{path: /etc/a, secret: {{command: [touch, {ran}]}}}}]
    sshHostKeys: {{ed25519: {{command: [touch, {ran}]}}}}
"""


def tinycloud(*argv: object) -> str:
    """In libvirt's own test driver: a host without anything (libvirt.org/drvtest.html)."""
    done = subprocess.run([TINYCLOUD, *map(str, argv), "--connect", "test:///default"], check=False,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


@pytest.mark.parametrize("options", [
    ("validate",), ("plan",), ("plan", "--json"), ("plan", "--commands"), ("plan", "--out", "out"),
    ("apply",), ("diff",), ("graph",), ("get",), ("get", "-o", "yaml"), ("describe", "guest/web"),
])
def test_no_command_of_a_secret_runs(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does an apply that nobody agreed to."""
    monkeypatch.chdir(tmp_path)
    ran, file = tmp_path / "ran", tmp_path / "m.yaml"
    file.write_text(MANIFEST.format(ran=ran))
    verb, *more = options
    where = ("-f", file) if verb in ("get", "describe") else (file,)
    said = tinycloud(verb, *where, *more, "--storage", tmp_path / "storage")
    assert {"validate": "valid", "get": "missing", "describe": "Guest"}.get(
        verb, "guest/web") in said
    assert not ran.exists()


def test_a_crash_leaves_no_memory_behind() -> None:
    """Of ours or of a child that inherits it: keys are in there (core(5))."""
    show = ("import resource, sys; from tiny_cloud import cli; sys.argv = ['tinycloud', 'none']\n"
            "try: cli.main()\n"
            "except SystemExit: print(resource.getrlimit(resource.RLIMIT_CORE)[0])")
    done = subprocess.run(
        [sys.executable, "-c", show], capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(
            resource.RLIMIT_CORE)[1:] * 2))
    assert done.stdout == "0\n"


def test_ctrl_c_reaches_no_tool_but_one_that_may_ask() -> None:
    """A terminal sends it to its foreground process group (termios(3), ISIG)."""
    argv = (sys.executable, "-c", "import os; print(os.getpgrp())")
    assert int(command.run(argv)) != os.getpgrp()
    assert int(command.run(argv, asks=True)) == os.getpgrp()


@pytest.fixture
def cut() -> Iterator[None]:
    yield
    cut_off.ask(False)


@pytest.mark.usefixtures("cut")
def test_what_runs_is_cut_off_and_nothing_else_starts() -> None:
    threading.Timer(0.2, cut_off.ask).start()
    begun = time.monotonic()
    with pytest.raises(CutOff):
        command.run(("sleep", "1000"))
    with pytest.raises(CutOff):
        command.run(("true",))
    assert time.monotonic() - begun < 30
