"""What killed runs leave on a real file system, and what only looks like it."""

import os
import tempfile
from pathlib import Path

import pytest

from tiny_cloud.host import records, scratch
from tiny_cloud.model import Address, Cloud

DATA = Address("disk", "data")
RECORD = {"cloud": "lab", "spec": {}, "metadata": {}, "fields": {}}


def test_what_is_unfinished_is_found_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, temporary = tmp_path / "storage", tmp_path / "tmp"
    cloud = Cloud("lab", "test:///default", str(storage))
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert scratch.debris(cloud, ()) == ()
    left = ["images/a-1.qcow2.part", "images/a-1.qcow2.download.part", "images/a-1.qcow2.part.root",
            "disks/web.raw.part", "disks/web.raw.part.stamp", "seeds/web.iso.part",
            "records/disk-web.json.part", "records/disk-cut.json"]
    sound = ["images/a-1.qcow2", "disks/web.part.qcow2", "disks/a.part.tree.qcow2",
             "disks/part", "disks/web.raw.stamp", "trash/x.part", "journal.jsonl"]
    for name in (*left, *sound):
        file = storage / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (storage / "images/a-1.qcow2.part.tree").mkdir()
    records.write(storage, DATA, RECORD)
    with scratch.scratch() as ours:
        gone, other = temporary / "tinycloud-4194999-x", temporary / "tinycloud-x-y"
        for folder in (gone, other):
            folder.mkdir()
        assert Path(ours).parent == temporary and oct(os.stat(ours).st_mode) == "0o40700"
        found = set(scratch.debris(cloud, [DATA]))
    assert found == {*(str(storage / name) for name in left),
                     str(storage / "images/a-1.qcow2.part.tree"), str(gone)}
