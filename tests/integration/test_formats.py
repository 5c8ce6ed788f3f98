"""Every format that others write: imported whole, or refused in a sentence that helps."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host.imports import import_image
from tiny_cloud.steps import ImportImage

pytestmark = pytest.mark.integration

MIB = 1 << 20
TWO_EXTENTS = (2 << 30) + 64 * MIB
"""A split VMDK has a file for each 2 GiB."""
FOREIGN = {
    "raw": ("raw",),
    "qcow2": ("qcow2",),
    "qcow2-v2": ("qcow2", "-o", "compat=0.10"),
    "qcow": ("qcow",),
    "qcow-packed": ("qcow", "-c"),
    "vdi": ("vdi",),
    "vdi-fixed": ("vdi", "-o", "static=on"),
    "vpc": ("vpc", "-o", "force_size=on"),
    "vpc-fixed": ("vpc", "-o", "subformat=fixed,force_size=on"),
    "vhdx": ("vhdx",),
    "monolithicSparse": ("vmdk", "-o", "subformat=monolithicSparse"),
    "monolithicFlat": ("vmdk", "-o", "subformat=monolithicFlat"),
    "twoGbMaxExtentSparse": ("vmdk", "-o", "subformat=twoGbMaxExtentSparse"),
    "twoGbMaxExtentFlat": ("vmdk", "-o", "subformat=twoGbMaxExtentFlat"),
    "streamOptimized": ("vmdk", "-o", "subformat=streamOptimized"),
}
SPLIT = [name for name in FOREIGN if name.startswith("twoGb")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with a file system of known files, some of them behind 2 GiB."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "files").mkdir()
    for number in range(12):
        (folder / "files" / f"{number}").write_bytes(os.urandom(MIB // 2 + number))
    disk = folder / "disk.raw"
    disk.touch()
    os.truncate(disk, TWO_EXTENTS)
    mke2fs = ("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", folder / "files")
    subprocess.run([*mke2fs, disk], check=True)
    with open(disk, "r+b") as file:
        file.seek(TWO_EXTENTS - 2 * MIB)
        file.write(os.urandom(2 * MIB))
    return disk


def foreign(tree: Path, folder: Path, name: str) -> Path:
    form, *options = FOREIGN[name]
    to = folder / f"{name}.{form}"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, *options, tree, to], check=True)
    return to


def step(source: Path, form: str = "", digest: str = "") -> ImportImage:
    return ImportImage(str(source), form, str(source.parent / "base.qcow2.part"), digest=digest)


def assert_same(one: Path, form: str, other: str) -> None:
    compare = ["qemu-img", "compare", "-f", form, "-F", "qcow2", one, other]
    done = subprocess.run(compare, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Images are identical.", done.stdout + done.stderr


@pytest.mark.parametrize("name", FOREIGN)
def test_each_format_is_imported_whole(tree: Path, tmp_path: Path, name: str) -> None:
    source = foreign(tree, tmp_path, name)
    made = step(source, "vpc" if name == "vpc-fixed" else "")
    import_image(made)
    assert_same(tree, "raw", made.to)
    # Its holes stay holes: 8 MiB of content and ext4's tables are no 2 GiB.
    assert Path(made.to).stat().st_size < 100 * MIB
    assert sorted(path.name for path in tmp_path.glob("base*")) == ["base.qcow2.part"]


@pytest.mark.parametrize("name", ["vmdk", "vdi", "vpc", "vhdx", "qcow", "qcow2"])
@pytest.mark.parametrize("lost", [512, 3 * MIB])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, name: str, lost: int) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(os.urandom(8 * MIB))
    source = tmp_path / "source"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", name, disk, source], check=True)
    os.truncate(source, source.stat().st_size - lost)
    with pytest.raises(Failure, match=r"cut off|declared as vpc|truncated|refused|looks like"):
        import_image(step(source))
    assert [path.name for path in tmp_path.glob("base*")] == []
