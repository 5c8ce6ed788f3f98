"""LVM for real, with data: in a guest of its own, for it takes a kernel with device-mapper."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lvm_guest import machine
from tests.integration.lvm_guest.run import claims

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1000)]

CLOSES_WHAT_IT_INHERITS = """
import os, sys, time
os.closerange(3, 100)
open(sys.argv[1], "w").close()
time.sleep(3)
"""
RUNS_IT = f"""
import sys
from pathlib import Path
from tiny_cloud import journal
from tiny_cloud.host.command import run
with journal.locked(Path(sys.argv[1]), "test") as book:
    run((sys.executable, "-c", {CLOSES_WHAT_IT_INHERITS!r}, sys.argv[1] + "/begun"),
        pass_fds=(book.descriptor,), held=True)
"""


@pytest.fixture(scope="module")
def said(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What was wrong with each claim that is asked for; the guest is booted once."""
    names = [item.callspec.params["claim"] for item in request.session.items
             if isinstance(item, pytest.Function) and item.originalname == "test_inside"]
    # Not pytest's folder: the guest's disks are large and of use to nobody afterwards.
    with tempfile.TemporaryDirectory(prefix="tctv-", dir="/var/tmp") as folder:
        out = machine.run(Path(folder), sys.executable, "-m", "tests.integration.lvm_guest.run",
                          *names)
        results = out / "results.json"
        assert results.exists(), (out / "said").read_text()
        yield json.loads(results.read_text())


LONG = ("claim_an_encrypted_volume_starts_a_machine_and_grows_under_it",)
"""LUKS makes each opening cost what a guess shall cost, and here even that is emulated."""


@pytest.mark.parametrize("claim", [
    pytest.param(claim, marks=[pytest.mark.long] if claim in LONG else []) for claim in claims()])
def test_inside(claim: str, said: dict[str, str]) -> None:
    assert said[claim] == ""


def test_the_lock_outlives_us_while_a_tool_that_closes_it_runs(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", RUNS_IT, str(tmp_path)],
                              start_new_session=True)
    while not (tmp_path / "begun").exists():
        assert parent.poll() is None
        time.sleep(0.02)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert not is_free(tmp_path)
    deadline = time.monotonic() + 20
    while not is_free(tmp_path):
        assert time.monotonic() < deadline, "the lock is never let go"
        time.sleep(0.1)


def is_free(storage: Path) -> bool:


    with (storage / "journal.jsonl").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
