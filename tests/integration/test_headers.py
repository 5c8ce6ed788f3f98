"""What is read from a header without qemu is what qemu-img says, or nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random

import pytest

from tests.goals import scaled
from tiny_cloud.errors import Failure
from tiny_cloud.facts import ImageFacts
from tiny_cloud.host import headers, qemu_img

pytestmark = pytest.mark.integration

LAYOUTS = ("compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=2M", "lazy_refcounts=on",
           "extended_l2=on", "compression_type=zstd", "refcount_bits=1", "preallocation=metadata")
BASES = ((), ("-b", "base.qcow2", "-F", "qcow2"), ("-b", "{folder}/base.raw", "-F", "raw"))
ODD_BASES = ('json:{{"driver": "raw", "file.filename": "{folder}/base.raw"}}',
             "file:{folder}/base.raw")
HEADER = 112
"""Bytes; behind them the extensions and the backing file's name."""
WORDS = (0, 1, 2, 7, 511, 512, 1 << 16, 1 << 31, (1 << 32) - 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for form in ("qcow2", "raw"):
        made(tmp_path, f"base.{form}", "-f", form, size="10M")
    return tmp_path


def made(folder: Path, name: str, *argv: str, size: str = "20M") -> str:
    words = [word.format(folder=folder) if "{folder}" in word else word for word in argv]
    subprocess.run(("qemu-img", "create", "-q", *words, name, size), cwd=folder, check=True)
    return str(folder / name)


def told_by_qemu(path: str, format: str) -> ImageFacts | Failure:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "read", lambda *_: None)
        try:
            return qemu_img.info(path, format, foreign=True)
        except Failure as failure:
            return failure


def plain(folder: Path) -> Iterator[tuple[str, str]]:
    for number, (layout, base) in enumerate(product(LAYOUTS, BASES)):
        if not base or not layout.startswith("preallocation"):
            yield made(folder, f"{number}.qcow2", "-f", "qcow2", "-o", layout, *base), "qcow2"
    (folder / "odd.raw").write_bytes(bytes(1000))
    yield from ((str(folder / name), "raw") for name in ("base.raw", "odd.raw"))


def test_it_says_what_qemu_says(folder: Path) -> None:
    for path, form in plain(folder):
        assert headers.read(path, form) == told_by_qemu(path, form)


def test_what_is_not_plain_is_left_to_qemu(folder: Path) -> None:
    for number, base in enumerate(ODD_BASES):
        path = made(folder, f"{number}.qcow2", "-f", "qcow2", "-b", base, "-F", "raw")
        assert headers.read(path, "qcow2") is None
    assert qemu_img.info(path, "qcow2").backing == str(folder / "base.raw")
    path = made(folder, "snapshots.qcow2", "-f", "qcow2")
    subprocess.run(("qemu-img", "snapshot", "-c", "one", path), check=True)
    assert headers.read(path, "qcow2") is None
    path = made(folder, "apart.qcow2", "-f", "qcow2", "-o", "data_file=apart.raw")
    assert headers.read(path, "qcow2") is None
    with pytest.raises(Failure, match=r"keeps its data in another file, apart\.raw"):
        qemu_img.info(path, "qcow2")
    assert headers.read(str(folder / "base.raw"), "qcow2") is None
    assert headers.read(str(folder / "base.qcow2"), "vmdk") is None


def test_a_header_that_qemu_does_not_open_is_never_read(folder: Path) -> None:
    sources = [Path(made(folder, "new.qcow2", "-f", "qcow2", *BASES[1])).read_bytes(),
               Path(made(folder, "old.qcow2", "-f", "qcow2", "-o", LAYOUTS[0])).read_bytes()]
    path, compared = str(folder / "thrown.qcow2"), 0
    for seed in range(scaled(100, 5000)):
        dice = Random(seed)
        data = bytearray(dice.choice(sources))
        for _ in range(dice.randint(1, 2)):
            place = dice.randrange(HEADER if dice.random() < 0.8 else 600)
            if dice.random() < 0.5:
                data[place] = dice.randrange(256)
            else:
                data[place & ~3:(place & ~3) + 4] = dice.choice(WORDS).to_bytes(4, "big")
        Path(path).write_bytes(data)
        if (found := headers.read(path, "qcow2")) is not None:
            compared += 1
            assert found == told_by_qemu(path, "qcow2"), seed
    assert compared > 20
