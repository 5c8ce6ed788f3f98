"""Settings into sixteen new guests of one image: by tinycloud in one apply, and by virt-customize,
one after the other. Both in one run; writes docs/guest-speed.md.

    python -m benchmarks.guests [--guests N] [--out FILE]

``make bench`` does the same with fewer of virt-customize's, which take a minute each.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.measure import command
from benchmarks.results import Row
from benchmarks.scene import HEADER, TINYCLOUD
from tiny_cloud.host import here
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.host.passwords import verify

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBench bench"
INTERFACES = """\
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 10.9.0.{number}/24
    gateway 10.9.0.1
"""


def manifests(folder: Path, numbers: range) -> Iterator[str]:
    yield f"kind: Cloud\nmetadata: {{name: bench}}\nspec: {{storage: {folder}/storage}}\n"
    yield ("kind: Image\nmetadata: {name: debian}\n"
           "spec: {source: {debootstrap: {suite: bookworm, packages: [ifupdown]}}}\n")
    for number in numbers:
        yield f"kind: Disk\nmetadata: {{name: d{number}}}\nspec: {{image: debian}}\n"
        yield f"""kind: Guest
metadata: {{name: g{number}}}
spec:
  disk: d{number}
  hostname: host{number}
  interfaces: [{{name: eth0, address: 10.9.0.{number}/24, gateway: 10.9.0.1}}]
  users:
    root: {{password: {{file: secrets/{number}}}, authorizedKeys: ["{KEY}"]}}
"""


def write(folder: Path, numbers: range) -> None:
    (folder / "manifests/secrets").mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"manifests/secrets/{number}").write_text(f"password {number}\n")
    text = "---\n".join(HEADER + document for document in manifests(folder, numbers))
    (folder / "manifests/all.yaml").write_text(text)


def with_tinycloud(folder: Path, numbers: range) -> float:
    """The image is there already."""
    write(folder, numbers)
    return command(TINYCLOUD, "apply", "--yes", str(folder / "manifests")).seconds


def with_virt_customize(folder: Path, numbers: range, environ: Mapping[str, str]) -> list[float]:
    """One after the other, as its own manual has it."""
    (image,) = (folder / "storage/images").glob("debian-*.qcow2")
    took = []
    for number in numbers:
        disk, interfaces = folder / f"v{number}.qcow2", folder / f"interfaces{number}"
        interfaces.write_text(INTERFACES.format(number=number))
        made = command("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", "qcow2",
                       str(disk))
        edited = command(
            "virt-customize", "--quiet", "--no-network", "--format", "qcow2", "--add", str(disk),
            "--hostname", f"host{number}",
            "--root-password", f"file:{folder}/manifests/secrets/{number}",
            "--ssh-inject", f"root:string:{KEY}",
            "--upload", f"{interfaces}:/etc/network/interfaces", environ=environ)
        took.append(made.seconds + edited.seconds)
    return took


def check(folder: Path, numbers: range, environ: Mapping[str, str]) -> None:
    """Each has its own settings, and nobody else's."""
    ids = set()
    with GuestSession("the benchmark", environ=environ) as session:
        session.open_all((f"{folder}/storage/disks/d{number}.qcow2", "qcow2")
                         for number in numbers)
        for place, number in enumerate(numbers):
            session.enter(place, {"/": PARTITION})
            files = session.look(["/etc/hostname", "/etc/shadow", "/etc/network/interfaces",
                                  "/etc/machine-id", "/root/.ssh/authorized_keys"])
            text = {path: file.content.decode() for path, file in files.items()}
            assert text["/etc/hostname"] == f"host{number}\n"
            assert f"address 10.9.0.{number}/24\n" in text["/etc/network/interfaces"]
            assert text["/etc/network/interfaces"].count("address ") == 1
            (root,) = re.findall("^root:([^:]*):", text["/etc/shadow"], re.MULTILINE)
            assert verify(f"password {number}", root)
            assert text["/root/.ssh/authorized_keys"] == f"{KEY}\n"
            ids.add(text["/etc/machine-id"])
            session.leave()
        session.shutdown()
    assert len(ids) == len(numbers)


PARTITION = 2
"""With the root of an image that tinycloud built: the first is for the boot loader."""


def text(ours: float, theirs: list[float]) -> str:
    sum_of = sum(theirs)
    each = f"{min(theirs):.1f} to {max(theirs):.1f} each"
    version = subprocess.run(["virt-customize", "--version"], capture_output=True, text=True,
                             check=True).stdout.strip()
    return f"""# What it costs to write settings into guests

Written by `make bench-guests`, on {len(os.sched_getaffinity(0))} processors, with {version}:
host name, address, root's password and a key for each of {len(theirs)} new overlays of one image.

| | seconds | as a share |
| --- | ---: | ---: |
| virt-customize, {len(theirs)} times | {sum_of:.1f} ({each}) | 1 |
| tinycloud apply, once | {ours:.1f} | {ours / sum_of:.3f} |

Both make the overlays too. tinycloud also gives each a machine-id and SSH host keys of its own,
reads back what it wrote, and compares all of it with the manifests at the end. Afterwards each disk
was opened again and had its own settings, and nobody else's.
"""


SAMPLE, GUESTS = 2, 16
BARE = """
import sys, guestfs
for disks in (sys.argv[2:], []):
    g = guestfs.GuestFS(python_return_dict=True)
    g.add_drive_scratch(1 << 20)
    for disk in disks:
        g.add_drive_opts(disk, format="qcow2")
    g.launch()
    for number in range(len(disks)):
        g.mount(f"/dev/sd{chr(ord('b') + number)}{sys.argv[1]}", "/")
        g.umount_all()
    g.shutdown()
"""
"""Two starts of the appliance, and each disk mounted in the first."""


def rows() -> Iterator[Row]:
    numbers = range(11, 11 + GUESTS)
    with place() as (folder, environ):
        ours = with_tinycloud(folder, numbers)
        check(folder, numbers, environ)
        theirs = with_virt_customize(folder, numbers[:SAMPLE], environ)
        disks = [f"{folder}/storage/disks/d{number}.qcow2" for number in numbers]
        floor = command(sys.executable, "-c", BARE, str(PARTITION), *disks, environ=environ).seconds
    one = median(theirs)
    meets = ours <= GUESTS * one / 12 and ours <= 1.3 * floor
    yield Row(
        f"settings for {GUESTS} fresh overlays",
        f"≤ 1/12 of {GUESTS} virt-customize, ≤ 1.3 × two appliance starts and {GUESTS} mounts",
        f"1/{GUESTS * one / ours:.0f} of {GUESTS} virt-customize, {ours / floor:.2f} × the floor",
        meets, "fewer files read and written in each guest: each call is slow in the appliance, "
        "and each guest is looked at, written and read back",
        {"tinycloud": f"{ours:.1f} s", "floor": f"{floor:.1f} s",
         "virt-customize": f"{one:.1f} s each, median of {SAMPLE}"})


@contextmanager
def place() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """A folder with the image, and libguestfs's environment."""
    with tempfile.TemporaryDirectory(prefix="tinycloud-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        write(folder, range(0))
        command(TINYCLOUD, "apply", "--yes", str(folder / "manifests"))
        yield folder, here.appliance()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, default=16)
    parser.add_argument("--out", default="docs/guest-speed.md")
    given = parser.parse_args()
    numbers = range(11, 11 + given.guests)
    with place() as (folder, environ):
        ours = with_tinycloud(folder, numbers)
        check(folder, numbers, environ)
        theirs = with_virt_customize(folder, numbers, environ)
    result = text(ours, theirs)
    print(result)
    Path(given.out).write_text(result)


if __name__ == "__main__":
    main()
