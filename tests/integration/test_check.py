"""tinycloud check on disks that were harmed, in ways that qemu-img sees and others."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lab import TINYCLOUD, Lab, digest, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CLUSTER = 65536


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab.make("tctzc")
    source = lab.folder / "source.raw"
    source.write_bytes(os.urandom(4 * CLUSTER))
    lab.write("image", f"""
        kind: Image
        metadata: {{name: base}}
        spec: {{source: {{path: {source}}}}}
    """)
    for name in ("leaky", "corrupt", "cut", "sound"):
        lab.write(name, f"""
            kind: Disk
            metadata: {{name: {name}}}
            spec: {{size: 16MiB}}
        """)
    lab.write("raw", """
        kind: Disk
        metadata: {name: raw}
        spec: {size: 1MiB, format: raw}
    """)
    lab.write("web", """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {accel: tcg, cpus: 1, memory: 64MiB, disks: [{name: root, image: base}]}
    """)
    lab.apply()
    yield lab
    lab.clean()


def check(lab: Lab, *argv: str, expect: int) -> dict[str, str]:
    """The rest of each line, by file."""
    done = subprocess.run([TINYCLOUD, "check", *argv, "-f", str(lab.manifests)],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == expect, done.stdout + done.stderr
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines() if "/" in line]
    return {name: rest for name, rest in rows}


def fill(path: Path) -> None:
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", str(path)],
                   capture_output=True, check=True)


def at(path: Path, offset: int) -> int:
    with path.open("rb") as stream:
        stream.seek(offset)
        return int(struct.unpack(">Q", stream.read(8))[0])


def set_refcount(path: Path, cluster: int, count: int) -> None:
    """Of a qcow2 version 3 with 16 bits a refcount (qemu: docs/interop/qcow2.txt)."""
    block = at(path, at(path, 48))
    with path.open("r+b") as stream:
        stream.seek(block + 2 * cluster)
        stream.write(struct.pack(">H", count))


def first_data_cluster(path: Path) -> int:
    """Guest address 0, through both tables; the two highest bits are flags."""
    mask = 0x00FFFFFFFFFFFE00
    return (at(path, at(path, at(path, 40)) & mask) & mask) // CLUSTER


def test_what_is_sound_and_what_is_in_use(lab: Lab) -> None:
    found = check(lab, expect=0)
    assert {name: rest.split("/")[0].strip() for name, rest in found.items()} == {
        "disk/leaky": "healthy", "disk/corrupt": "healthy", "disk/cut": "healthy",
        "disk/sound": "healthy", "disk/raw": "healthy", "disk/web-root": "in use",
        "image/base": "healthy"}
    assert "by tctzc-web, which reports no errors" in found["disk/web-root"]
    assert list(check(lab, "sound", expect=0)) == ["disk/sound"]
    check(lab, "nothing", expect=1)


def test_leaks_and_corruptions_are_told_apart_and_mended_on_request(lab: Lab) -> None:
    leaky, corrupt = lab.disk("leaky"), lab.disk("corrupt")
    fill(leaky), fill(corrupt)
    set_refcount(leaky, leaky.stat().st_size // CLUSTER, 1)
    with leaky.open("r+b") as stream:
        stream.truncate(leaky.stat().st_size + CLUSTER)
    set_refcount(corrupt, first_data_cluster(corrupt), 0)
    before = digest(leaky), digest(corrupt)
    found = check(lab, "leaky", "corrupt", expect=1)
    assert found["disk/leaky"].startswith("leaks ") and "nothing is lost" in found["disk/leaky"]
    assert found["disk/corrupt"].startswith("corrupt ")
    # Nothing is written without being asked for, nor without a yes.
    check(lab, "leaky", "corrupt", "--repair", expect=1)
    assert (digest(leaky), digest(corrupt)) == before
    check(lab, "leaky", "corrupt", "--repair", "--yes", expect=0)
    kept = {digest(path) for path in (lab.storage / "trash").iterdir()}
    assert kept == set(before)
    told = subprocess.run(["qemu-io", "-f", "qcow2", "-c", "read -P 7 0 1M", str(corrupt)],
                          capture_output=True, text=True, check=True)
    assert "failed" not in told.stdout


def test_a_file_that_is_cut_off(lab: Lab) -> None:
    cut, raw = lab.disk("cut"), lab.storage / "disks" / "raw.raw"
    fill(cut)
    os.truncate(cut, cut.stat().st_size - 4 * CLUSTER)
    os.truncate(raw, 1 << 19)
    before = digest(cut)
    # qemu-img would repair it by forgetting what is missing.
    found = check(lab, "cut", "raw", "--repair", "--yes", expect=1)
    assert "it is cut off" in found["disk/cut"] and "it is cut off" in found["disk/raw"]
    assert digest(cut) == before


def test_a_base_that_somebody_wrote_to(lab: Lab) -> None:
    """Size and mtime as they were: only its bytes tell."""
    (base,) = (lab.storage / "images").glob("*.qcow2")
    status, content = base.stat(), base.read_bytes()
    with base.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        last = stream.read(1)
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([last[0] ^ 1]))
    os.utime(base, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = check(lab, "image/base", "--repair", "--yes", expect=1)
    assert found["image/base"].startswith("changed ")
    assert base.stat().st_size == len(content) and virsh("domstate", lab.domain("web"))
