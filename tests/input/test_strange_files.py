"""Files of any name in the storage of a cloud: nobody's, and their names do nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.goals import seen
from tests.input.test_commands import tinycloud
from tests.input.test_generated import printable

NAMES = (b"a\x1b[31m\xff.qcow2", b"b\xe2\x80\xae\n.qcow2", b"c\x1b[2J\xff.json", b"-rf.qcow2",
         b"$(touch ran).qcow2", b"json:{}.qcow2")
DISK = """\
apiVersion: tinycloud/v1
kind: Disk
metadata: {name: a}
spec: {size: 1MiB}
"""


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(DISK)
    storage = tmp_path / "storage"
    for folder in ("disks", "images", "trash", "records", "seeds"):
        (storage / folder).mkdir(parents=True)
        for name in NAMES:
            Path(os.fsdecode(os.path.join(os.fsencode(storage / folder), name))).write_bytes(b"x")
    base, disks = "base\x1b[31m.qcow2", storage / "disks"
    for argv in ((base, "1M"), ("-b", str(disks / base), "-F", "qcow2", "overlay.qcow2")):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *argv], cwd=disks, check=True)
    return storage


@pytest.mark.goal(14)
def test_nothing_they_are_called_does_anything(storage: Path) -> None:
    before = sorted(storage.rglob("*.qcow2"))
    told = {verb: printable(tinycloud(*verb.split(), "m.yaml", "--storage", storage))
            for verb in ("plan", "plan --json", "apply --yes", "gc", "purge")}
    assert "Plan: 1 to create." in told["plan"] and "Done: 1 change." in told["apply --yes"]
    assert "No changes" in printable(tinycloud("plan", "m.yaml", "--storage", storage))
    assert "a\\u001b[31m\\udcff.qcow2" in told["purge"] and "b\\u202e\\n.qcow2" in told["purge"]
    assert sorted({*before, storage / "disks/a.qcow2"}) == sorted(storage.rglob("*.qcow2"))
    assert not list(storage.parent.rglob("ran"))
    seen(14, "files of naughty names in every folder of the storage", len(NAMES) * 5)
