"""Hostile images, disks and borrowed files, met as a user meets them; and who may write to what."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.goals import seen
from tests.hostile import hostile, sane
from tests.hostile.bytes_of import all_of, backing, be32, data_file, put
from tests.hostile.canary import Canary
from tests.integration.lab import TINYCLOUD, Lab, digest, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ONE_OF_EACH = (
    "qcow2: backing file", "qcow2: data file", "qcow2: feature 63", "qcow2: 8 EiB",
    "qcow2: and a partition table", "qcow: backing file", "vmdk: an extent with a path",
    "vmdk: a descriptor of the network", "vdi: a parent", "vpc: a difference", "vhdx: a parent",
    "a CD", "LUKS", "bochs", "text")
MIB = 1 << 20


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab.make("tctchost")
    yield made
    made.clean()


@pytest.fixture(scope="module")
def images(lab: Lab) -> dict[str, Path]:
    (lab.folder / "source").mkdir()
    return sane.make(lab.folder / "source")


@pytest.fixture
def canary(lab: Lab) -> Iterator[Canary]:
    with Canary(lab.folder) as made:
        yield made
        assert made.sang() == []


@pytest.fixture(autouse=True)
def _nothing_declared(lab: Lab) -> Iterator[None]:
    yield
    for manifest in lab.manifests.glob("*.yaml"):
        if manifest.stem != "cloud":
            manifest.unlink()


def declare(lab: Lab, kind: str, name: str, spec: str) -> None:
    lab.write(name, f"kind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}")


def said_by(lab: Lab, verb: str, *argv: str) -> str:
    """Of a verb whose words are not manifests."""
    done = subprocess.run([TINYCLOUD, verb, *argv, "-f", lab.manifests], capture_output=True,
                          text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def one_line(said: str) -> str:
    return " ".join(said.split())


@pytest.mark.goal(11)
def test_one_hostile_image_of_each_kind(
    lab: Lab, images: dict[str, Path], canary: Canary
) -> None:
    cases = hostile.every(canary)
    for number, name in enumerate(ONE_OF_EACH):
        case = cases[name]
        data = bytearray(images[case.of].read_bytes())
        case.change(data)
        source = lab.folder / "source" / f"hostile-{number}"
        source.write_bytes(data)
        declare(lab, "Image", f"image-{number}", f"source: {{path: {source}}}")
    said = one_line(lab.apply(expect=1))
    for number, name in enumerate(ONE_OF_EACH):
        assert f"✘ image/image-{number}: {lab.folder}/source/hostile-{number} " in said, name
        assert cases[name].said.lower() in said.lower(), name
    assert list((lab.storage / "images").iterdir()) == []
    assert not list((lab.storage / "records").glob("image*"))
    seen(11, "hostile images refused by `apply`, nothing of them left", len(ONE_OF_EACH))


@pytest.mark.goal(11)
def test_what_is_not_even_planned(lab: Lab, canary: Canary) -> None:
    """Descriptors of other files; and what would be read for ever."""
    said_of = {}
    for number, name in enumerate(("others' extents", "over 1 MiB", "the network")):
        case = hostile.every(canary)[f"vmdk: text of {name}"]
        data = bytearray()
        case.change(data)
        source = lab.folder / "source" / f"text-{number}"
        source.write_bytes(data)
        said_of[f"path: {source}"] = case.said
    os.mkfifo(lab.folder / "pipe")
    said_of |= {f"path: {path}": f"{path} is not a regular file"
                for path in ("/dev/zero", lab.folder / "pipe")}
    for number, source in enumerate(said_of):
        declare(lab, "Image", f"image-{number}", f"source: {{{source}}}")
    said = one_line(lab.run("plan", expect=1))
    for number, why in enumerate(said_of.values()):
        assert f"image-{number}.yaml:" in said and why in said


@pytest.mark.goal(11)
def test_a_borrowed_disk_opens_nothing_else(
    lab: Lab, images: dict[str, Path], canary: Canary
) -> None:
    """The header of a disk from elsewhere names what its machine would have to be given."""
    elsewhere = str(canary.file).encode()
    changes = {
        "data": data_file(elsewhere), "json": backing(b'json:{"driver":"null-co"}'),
        "network": backing(b"nbd:127.0.0.1:%d" % canary.port),
        # The name of its format is a header extension.
        "file": all_of(backing(elsewhere), put(112, be32(0xE2792ACA), be32(3), b"raw", bytes(13))),
    }
    for name, change in changes.items():
        data = bytearray(images["qcow2"].read_bytes())
        change(data)
        disk = lab.folder / "source" / f"{name}.qcow2"
        disk.write_bytes(data)
        declare(lab, "Disk", name, f"external: true, path: {disk}, format: qcow2")
        declare(lab, "VirtualMachine", f"vm-{name}", "cpus: 1, memory: 64MiB, running: false, "
                f"disks: [{{name: data, disk: {name}}}]")
    said = one_line(lab.apply(expect=1))
    for why in ("keeps its data in another file", "which is not there or has no stated format",
                "which is neither in its folder nor in the cloud's storage"):
        assert why in said, said
    assert said_by(lab, "check").count("in another file") == 1
    assert lab.domain("vm-") not in virsh("list", "--all", "--name")
    seen(11, "borrowed disks with a data file or a foreign base, given to no machine",
         len(changes))


@pytest.mark.goal(11)
def test_a_raw_disk_stays_raw_whatever_its_guest_wrote(
    lab: Lab, images: dict[str, Path], canary: Canary
) -> None:
    """OSSA-2026-002: a guest writes a header into its raw disk, and waits for a resize."""
    declare(lab, "Disk", "plain", "size: 8MiB, format: raw")
    lab.apply()
    disk = lab.storage / "disks" / "plain.raw"
    header = bytearray(images["qcow2"].read_bytes()[:1 << 16])
    for change in (data_file(str(canary.file).encode()), backing(str(canary.file).encode())):
        change(header)
    with disk.open("r+b") as file:
        file.write(header)
    declare(lab, "Disk", "plain", "size: 16MiB, format: raw")
    lab.apply()
    assert (disk.stat().st_size, disk.read_bytes()[:1 << 16]) == (16 * MIB, header)
    assert "healthy" in said_by(lab, "check", "plain")
    said_by(lab, "commit", "plain", "golden", "--yes")
    (golden,) = (lab.storage / "images").iterdir()
    compare = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", disk, golden]
    assert "identical" in subprocess.run(compare, capture_output=True, text=True,
                                         check=True).stdout


def test_a_base_is_nobodys_to_write(lab: Lab, images: dict[str, Path]) -> None:
    """Neither the user that qemu runs as, nor anybody else; while a machine runs on it, too."""
    declare(lab, "Image", "base", f"source: {{path: {images['raw-mbr']}}}")
    declare(lab, "VirtualMachine", "web", "cpus: 1, memory: 64MiB, accel: tcg, stopTimeout: 1, "
            "disks: [{name: root, image: base}]")
    lab.apply()
    (base,) = (lab.storage / "images").glob("base-*.qcow2")
    before = digest(base)
    status = base.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o444, 0, 0)
    user = lab.disk("web-root").stat()
    assert user.st_uid != 0, "the machine does not run as a user of its own"
    tries = (f"echo x >>{base}", f"rm -f {base}", f"mv {base} {base}.old",
             f"touch {base.parent}/new", f"chmod 666 {base}", f"ls {base.parent}")
    for attempt in tries:
        done = subprocess.run(
            ["setpriv", f"--reuid={user.st_uid}", f"--regid={user.st_gid}", "--clear-groups",
             "sh", "-c", attempt], capture_output=True, check=False)
        assert done.returncode != 0, attempt
    assert digest(base) == before
    # What others may read: the images alone.
    open_to_all = {path.parent.name for path in lab.storage.rglob("*")
                   if path.is_file() and path.stat().st_mode & 0o077}
    assert open_to_all == {"images"}
    xml = etree.fromstring(virsh("dumpxml", "--inactive", lab.domain("web")))
    labels = xml.xpath("//seclabel")
    assert labels and {label.getparent().tag for label in labels} == {"source"}
    assert {(label.get("model"), label.get("relabel")) for label in labels} == {("dac", "no")}
    assert all(label.xpath("ancestor::backingStore") for label in labels)
    lab.run("destroy", "--yes", "--force-off", "vm/web", "--delete-data", "*")
