"""Every format that others write: imported whole, or refused in a sentence that helps."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab import Lab, virsh
from tiny_cloud.errors import Failure
from tiny_cloud.host import qemu_img
from tiny_cloud.host.imports import import_image
from tiny_cloud.steps import ImportImage
from tiny_cloud.support import READ

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MIB = 1 << 20
TWO_EXTENTS = (2 << 30) + 64 * MIB
"""A split VMDK has a file for each 2 GiB."""
FOREIGN = {
    "raw": ("raw",),
    "qcow2": ("qcow2",),
    "qcow2-v2": ("qcow2", "-o", "compat=0.10"),
    "qcow": ("qcow",),
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
ANOTHER_READER = ("qcow2", "qcow", "vdi", "vhdx", "monolithicSparse", "monolithicFlat",
                  "twoGbMaxExtentSparse", "twoGbMaxExtentFlat")
"""What 7-Zip reads, which shares no code with qemu."""


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
    told = "qcow2" if tree.suffix == ".qcow2" else "raw"
    subprocess.run(["qemu-img", "convert", "-f", told, "-O", form, *options, tree, to], check=True)
    return to


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A disk that is full, its last sector too."""
    disk = tmp_path / "small.raw"
    disk.write_bytes(os.urandom(8 * MIB))
    return disk


def step(source: Path, form: str = "", compression: str = "") -> ImportImage:
    to = str(source.parent / "base.qcow2.part")
    return ImportImage(str(source), form, to, compression=compression)


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


def test_each_format_that_is_read_is_here() -> None:
    assert {form for form, *_ in FOREIGN.values()} == READ


@pytest.mark.parametrize("name", ANOTHER_READER)
def test_another_reader_sees_the_same(small: Path, name: str) -> None:
    source = foreign(small, small.parent, name)
    import_image(step(source))
    read = subprocess.run(["7zz", "x", "-so", source], capture_output=True, check=True).stdout
    assert read == small.read_bytes()
    assert_same(small, "raw", str(small.parent / "base.qcow2.part"))


def test_a_packed_qcow_is_unpacked(tmp_path: Path) -> None:
    """qemu-img 7.2 makes none with convert -c; qemu-io writes cluster by cluster."""
    source, disk = tmp_path / "packed.qcow", tmp_path / "disk.raw"
    disk.write_bytes(b"\7" * 4096 + b"\x08" * 4096 + bytes(MIB - 8192))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow", source, "1M"], check=True)
    subprocess.run(["qemu-io", "-f", "qcow", "-c", "write -c -P 7 0 4096",
                    "-c", "write -c -P 8 4096 4096", source], check=True)
    made = step(source)
    import_image(made)
    assert_same(disk, "raw", made.to)


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_a_base_image_is_compressed(tmp_path: Path, compression: str) -> None:
    source = tmp_path / "disk.raw"
    source.write_bytes(b"easily packed" * MIB + bytes(3 * MIB))
    made = step(source, "raw", compression)
    import_image(made)
    told = qemu_img.describe(made.to, "qcow2", foreign=False)["format-specific"]["data"]
    assert told["compression-type"] == compression
    assert Path(made.to).stat().st_size < 2 * MIB
    assert_same(source, "raw", made.to)


@pytest.mark.parametrize("name", ["vmdk", "vdi", "vpc", "vhdx", "qcow", "qcow2"])
@pytest.mark.parametrize("lost", [512, 3 * MIB])
def test_a_file_that_is_cut_off_is_refused(small: Path, name: str, lost: int) -> None:
    source = foreign(small, small.parent, "monolithicSparse" if name == "vmdk" else name)
    os.truncate(source, source.stat().st_size - lost)
    with pytest.raises(Failure, match=r"cut off|truncated|Invalid argument") as raised:
        import_image(step(source))
    assert str(source) in raised.value.summary
    assert list(small.parent.glob("base*")) == []


def qemu_makes(form: str) -> Callable[[Path], object]:
    return lambda path: subprocess.run(["qemu-img", "create", "-q", "-f", form, path, "8M"],
                                       check=True)


def luks(path: Path) -> None:
    secret = path.with_suffix(".secret")
    secret.write_text("a passphrase")
    subprocess.run(["qemu-img", "create", "-q", "-f", "luks", "--object",
                    f"secret,id=key,file={secret}", "-o", "key-secret=key,iter-time=10", path,
                    "8M"], check=True)


def overlay(form: str) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        base = path.with_suffix(".base")
        subprocess.run(["qemu-img", "create", "-q", "-f", form, base, "8M"], check=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", form, "-b", base, "-F", form, path],
                       check=True)
    return make


def encrypted_qcow(path: Path) -> None:
    """With the old AES: crypt_method, a number at byte 36 (block/qcow.c of QEMU)."""
    qemu_makes("qcow")(path)
    with open(path, "r+b") as file:
        file.seek(36)
        file.write((1).to_bytes(4, "big"))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    # block/cow.c of QEMU 2.1: the magic, then version 2.
    "cow": (lambda path: path.write_bytes(b"OOOM\0\0\0\2" + bytes(4096)), "no qemu of today reads"),
    "qed": (qemu_makes("qed"), "a qed image"),
    "parallels": (qemu_makes("parallels"), "a Parallels image"),
    "luks": (luks, "is encrypted"),
    "qcow with a parent": (overlay("qcow"), "backing file"),
    "qcow with AES": (encrypted_qcow, "is encrypted"),
    "vmdk with a parent": (overlay("vmdk"), "refused"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_given_up_or_stands_on_others_is_refused(name: str, tmp_path: Path) -> None:
    make, said = REFUSED[name]
    make(tmp_path / "source")
    with pytest.raises(Failure, match=said):
        import_image(step(tmp_path / "source"))
    assert list(tmp_path.glob("base*")) == []


# --- split VMDKs, as a user has them --------------------------------------------------------------

@pytest.fixture
def split(tree: Path, lab: Callable[[str], Lab]) -> Lab:
    """A cloud with an image in two extents."""
    made = lab("tctf")
    (made.folder / "source").mkdir()
    foreign(tree, made.folder / "source", "twoGbMaxExtentSparse")
    made.write("image", f"""
        kind: Image
        metadata: {{name: split}}
        spec: {{source: {{path: {made.folder}/source/twoGbMaxExtentSparse.vmdk}}}}
    """)
    return made


def extents(lab: Lab) -> list[Path]:
    return sorted((lab.folder / "source").glob("*-s00?.vmdk"))


def test_each_missing_extent_is_named_when_planned(split: Lab) -> None:
    first, second = extents(split)
    first.unlink()
    second.rename(second.with_suffix(".moved"))
    said = split.run("plan", expect=1)
    assert f"lacks 2 of its 2 extents: {first} is missing; {second} is missing" in "".join(
        said.replace("\n", " ").split("  "))
    assert "image.yaml:" in said
    split.run("apply", "--yes", expect=1)
    assert not (split.storage / "images").exists()


def test_another_byte_in_any_extent_is_another_image(split: Lab) -> None:
    def key() -> str:
        return [word for word in " ".join(split.plan()["image/split"]["commands"]).split()
                if word.endswith(".qcow2")][-1]

    before = key()
    second = extents(split)[1]
    with open(second, "r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"changed")
    assert key() != before
    with open(second, "r+b") as file:
        file.truncate(second.stat().st_size - 512)
    said = split.run("apply", "--yes", expect=1)
    assert "cut off" in said
    assert list((split.storage / "images").iterdir()) == []


def test_a_link_or_an_extent_of_an_extent_is_refused(split: Lab) -> None:
    first, second = extents(split)
    first.rename(split.folder / "elsewhere")
    first.symlink_to(split.folder / "elsewhere")
    assert "is not a regular file" in split.run("plan", expect=1)
    first.unlink()
    (split.folder / "elsewhere").rename(first)
    # Without a capacity it would have a descriptor of its own, which names what it likes.
    with open(second, "r+b") as file:
        file.seek(12)
        file.write(bytes(8))
    assert "is not the extent that its descriptor says" in split.apply(expect=1)


def test_a_digest_of_the_descriptor_alone_is_not_enough(split: Lab) -> None:
    source = split.folder / "source" / "twoGbMaxExtentSparse.vmdk"
    told = subprocess.run(["sha256sum", source], capture_output=True, text=True, check=True)
    split.write("image", f"""
        kind: Image
        metadata: {{name: split}}
        spec: {{source: {{url: "file://{source}", sha256: {told.stdout.split()[0]}}}}}
    """)
    assert "one of several files" in split.apply(expect=1)


# --- how a disk is laid out -----------------------------------------------------------------------

def test_disks_are_laid_out_as_declared_and_stay_so(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctf")
    (cloud.folder / "base.raw").write_bytes(os.urandom(MIB))
    cloud.write("image", f"""
        kind: Image
        metadata: {{name: base}}
        spec: {{source: {{path: {cloud.folder}/base.raw, format: raw}}, compression: zstd}}
    """)
    specs = {
        "plain": "size: 16MiB",
        "metadata": "size: 16MiB, preallocation: metadata, clusterSize: 4KiB",
        "falloc": "size: 16MiB, preallocation: falloc, lazyRefcounts: true",
        "full": "size: 16MiB, preallocation: full, format: raw",
        "above": "image: base, size: 16MiB, extendedL2: true, preallocation: metadata",
    }
    for name, spec in specs.items():
        cloud.write(name, f"kind: Disk\nmetadata: {{name: {name}}}\nspec: {{{spec}}}")
    cloud.apply()
    cloud.assert_settled()
    told = {name: told_by_qemu(cloud, name) for name in specs if name != "full"}
    taken = {name: it["actual-size"] for name, it in told.items()}
    assert taken["plain"] < MIB <= 16 * MIB <= taken["falloc"]
    assert (cloud.storage / "disks" / "full.raw").stat().st_blocks * 512 >= 16 * MIB
    data = {name: it["format-specific"]["data"] for name, it in told.items()}
    assert told["metadata"]["cluster-size"] == 4096
    assert data["falloc"]["lazy-refcounts"] and not data["plain"]["lazy-refcounts"]
    assert data["above"]["extended-l2"] and not data["plain"]["extended-l2"]
    assert_same(cloud.folder / "base.raw", "raw", str(next((cloud.storage / "images").iterdir())))
    cloud.write("metadata", """
        kind: Disk
        metadata: {name: metadata}
        spec: {size: 16MiB, preallocation: full, clusterSize: 64KiB}
    """)
    assert {note["text"] for note in cloud.plan()["notes"]} >= {
        "preallocation is metadata and stays so; full is only for a new one",
        "clusterSize is 4096 and stays so; 65536 is only for a new one"}
    cloud.assert_settled()


def told_by_qemu(lab: Lab, name: str) -> dict[str, Any]:
    argv = ["qemu-img", "info", "-f", "qcow2", "--output=json", lab.disk(name)]
    told: dict[str, Any] = json.loads(
        subprocess.run(argv, capture_output=True, check=True).stdout)
    return told


# --- guests ---------------------------------------------------------------------------------------

BOOTED = {"twoGbMaxExtentSparse": "", "vhdx": "zstd", "qcow": ""}
"""Formats that a guest is booted from, and how its image is compressed."""


@pytest.mark.parametrize(("names", "word"), [
    # That GRUB has found its kernel and both came whole shows early.
    (("vhdx",), "Linux version "),
    pytest.param(tuple(BOOTED), " login: ", marks=pytest.mark.long),
])
def test_guests_boot_from_overlays_of_what_was_imported(
    debian: Path, lab: Callable[[str], Lab], names: tuple[str, ...], word: str
) -> None:
    guests = lab("tctf")
    for name in names:
        declare_guest(guests, name, foreign(debian, guests.folder, name))
    guests.apply("--parallel", "2")
    guests.assert_settled()
    for name in names:
        guests.hears(f"on-{name.lower()}", word)
        domain = guests.domain(f"on-{name.lower()}")
        assert "iothread='1'" in virsh("dumpxml", domain)
        assert "1" in virsh("iothreadinfo", domain)


def declare_guest(lab: Lab, name: str, source: Path) -> None:
    packed = f", compression: {BOOTED[name]}" if BOOTED[name] else ""
    lab.write(f"image-{name.lower()}", f"""
        kind: Image
        metadata: {{name: {name.lower()}}}
        spec: {{source: {{path: {source}}}{packed}}}
    """)
    lab.write(name.lower(), f"""
        kind: VirtualMachine
        metadata: {{name: on-{name.lower()}}}
        spec:
          accel: tcg
          cpus: 1
          memory: 512MiB
          disks: [{{name: root, image: {name.lower()}, iothread: 1}}]
    """)
