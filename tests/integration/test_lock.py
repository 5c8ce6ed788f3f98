"""Many runs at once: one works, the others wait or leave and say for whom; and what a kill leaves
of the lock."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import goals
from tests.faults.fault import below
from tests.integration.lab import TINYCLOUD, Lab
from tests.integration.odd_guests import plain_disk
from tiny_cloud import journal

pytestmark = [pytest.mark.integration, pytest.mark.goal(17), pytest.mark.timeout(600)]

RUNS = 8
SLOW = """#!/bin/sh
for last; do :; done
case "$1" in convert) : > "$last"; while ! test -e {gate}; do sleep 0.05; done;; esac
exec {real} "$@"
"""
"""A qemu-img whose conversions have begun, and take as long as the test wants."""


class Slow:
    """A lab whose image is not converted before the gate opens."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.gate = lab, lab.folder / "gate"
        tools = lab.folder / "tools"
        tools.mkdir()
        script = tools / "qemu-img"
        script.write_text(SLOW.format(gate=self.gate, real="/usr/bin/qemu-img"))
        script.chmod(0o755)
        self.environ = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        (lab.folder / "base.raw").write_bytes(b"x" * (1 << 20))
        lab.write("all", """
            kind: Image
            metadata: {name: base}
            spec: {source: {path: ../base.raw}}
            ---
            apiVersion: tinycloud/v1
            kind: VirtualMachine
            metadata: {name: web}
            spec: {cpus: 1, memory: 32MiB, disks: [{name: root, image: base}]}
        """)

    @contextmanager
    def run(self, *argv: str) -> Iterator[subprocess.Popen[str]]:
        child = subprocess.Popen(
            [TINYCLOUD, argv[0], str(self.lab.manifests), *argv[1:]], env=self.environ, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        try:
            yield child
        finally:
            child.kill()
            child.communicate()

    def begun(self) -> None:
        """Until somebody converts."""
        wait_for(lambda: bool(self.converting()))

    def converting(self) -> list[int]:
        """The processes of the slow tool, as the kernel lists them."""
        mine = str(self.lab.folder / "tools/qemu-img").encode()
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                and mine in _command(pid) and b"convert" in _command(pid)]


def _command(pid: str) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def slow(lab: Callable[[str], Lab]) -> Iterator[Slow]:
    slow = Slow(lab("tctblock"))
    yield slow
    slow.gate.touch()
    wait_for(lambda: not slow.converting())


def ended(child: subprocess.Popen[str], since: float) -> tuple[int, str, float]:
    said, _ = child.communicate(timeout=120)
    assert "Traceback" not in said, said
    return child.returncode, said, time.monotonic() - since


def together(slow: Slow, *argv: str) -> list[tuple[int, str, float]]:
    """Exit code, words and seconds of each of seven more."""
    begun = time.monotonic()
    children = [slow.run(*argv) for _ in range(RUNS - 1)]
    try:
        running = [child.__enter__() for child in children]
        return [ended(child, begun) for child in running]
    finally:
        for child in children:
            child.__exit__(None, None, None)


def test_one_works_and_the_others_leave_and_name_it(slow: Slow) -> None:
    usual = max(seconds for *_, seconds in together(slow, "plan"))
    with slow.run("apply", "--yes") as first:
        slow.begun()
        for code, said, seconds in together(slow, "apply", "--yes"):
            assert code == 1
            assert re.search(rf"another run holds \S+: tinycloud apply .*"
                             rf"\(process {first.pid} of root, since ", said), said
            assert seconds < usual + 5, "beyond what seven starts at once take by themselves"
        assert "At work: tinycloud apply" in slow.lab.run("status")
        slow.gate.touch()
        code, said, _ = ended(first, 0)
        assert code == 0 and "Done: " in said
    slow.lab.assert_settled()
    assert "All is well" in slow.lab.run("status")
    goals.seen(17, "runs at once on one real libvirt, the others leave", RUNS)


@pytest.mark.long
def test_those_that_wait_find_it_done(slow: Slow) -> None:
    with slow.run("apply", "--yes") as first:
        slow.begun()
        opener = threading.Timer(6, slow.gate.touch)
        opener.start()
        others = together(slow, "apply", "--yes", "--lock-timeout", "5m")
        opener.join()
        assert ended(first, 0)[0] == 0
    waited = [said for _, said, _ in others if "another run has done it meanwhile" in said]
    assert {code for code, *_ in others} == {0} and waited
    slow.lab.assert_settled()
    lines = (slow.lab.storage / "journal.jsonl").read_text()
    assert lines.count('"begin"') == lines.count('"end"') == 1 + len(waited)
    goals.seen(17, "runs at once on one real libvirt, the others wait", 1 + len(waited))


def test_a_lock_is_held_as_long_as_a_child_works_and_then_free(slow: Slow) -> None:
    with slow.run("apply", "--yes") as first:
        slow.begun()
        (child,) = slow.converting()
        first.kill()  # the parent alone
        first.wait()
    said = slow.lab.apply(expect=1)
    assert f"(process {first.pid} of root, since " in said
    assert "which was killed; still at work: " in said and f"(process {child})" in said
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{child}").exists())
    begun = time.monotonic()
    said = slow.lab.run("status", expect=2)
    assert f"Cut off: tinycloud apply {slow.lab.manifests}" in said
    assert re.search(r"image/base +it is half done.*the next apply finishes it", said)
    slow.gate.touch()
    slow.lab.apply("--lock-timeout", "0")
    assert time.monotonic() - begun < 30
    slow.lab.assert_settled()
    assert "All is well" in slow.lab.run("status")
    goals.seen(17, "a killed run, whose conversion lives on and then dies", 1)


def test_a_run_killed_with_its_children_leaves_a_free_lock_and_repair_tidies_up(slow: Slow) -> None:
    """And nobody declares any more what was being made."""
    with slow.run("apply", "--yes") as first:
        slow.begun()
        # Itself first: it would tidy up after a child that it sees die.
        for pid in (first.pid, *below(first.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first.wait()
    (slow.lab.manifests / "all.yaml").unlink()
    (part,) = slow.lab.storage.glob("images/*.part*")
    said = slow.lab.run("status", expect=2)
    assert f"file/images/{part.name}" in said and "tinycloud repair removes it" in said
    assert "tinycloud repair removes it" in slow.lab.run("plan")
    said = slow.lab.run("repair", expect=1)
    assert "There is no terminal to ask at" in said and part.exists()
    slow.lab.run("repair", "--yes", "--lock-timeout", "0")
    assert not part.exists()
    said = slow.lab.run("status")
    assert "All is well" in said and "In the trash: " in said
    assert "No changes" in slow.lab.run("repair", "--yes")
    slow.lab.run("purge", "--yes")


@pytest.mark.long
def test_a_lock_is_held_as_long_as_an_appliance_writes(lab: Callable[[str], Lab]) -> None:
    one = lab("tctbapp")
    plain_disk(one.folder / "base.raw")
    one.write("all", """
        kind: Image
        metadata: {name: base}
        spec: {source: {path: ../base.raw}}
        ---
        apiVersion: tinycloud/v1
        kind: Disk
        metadata: {name: web}
        spec: {image: base}
        ---
        apiVersion: tinycloud/v1
        kind: Guest
        metadata: {name: web}
        spec: {disk: web, hostname: web}
    """)
    disk = str(one.disk("web")).encode()

    def appliances() -> list[str]:
        return [pid for pid in filter(str.isdigit, os.listdir("/proc"))
                if b"qemu-system" in (words := _command(pid))[0]
                and any(disk in word for word in words)]

    apply = subprocess.Popen([TINYCLOUD, "apply", "--yes", str(one.manifests)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: bool(appliances()))
    apply.kill()
    apply.wait()
    looks = 0
    while appliances():
        held, still = journal.holder(one.storage), appliances()
        assert held or not still, "somebody writes, and the cloud is free"
        looks += bool(held)
    wait_for(lambda: not journal.holder(one.storage), 10)
    assert looks
    one.apply("--lock-timeout", "0")
    one.assert_settled()
    goals.seen(17, "a killed run, whose appliance lives on for a moment", looks)
