"""What a reader has and a test has not: Debian's image server, and a system that powers off."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.servers.http import serving

DEBIAN = "https://cloud.debian.org/images/cloud"
IMAGE = Path("bookworm/latest/debian-12-genericcloud-amd64.qcow2")
POWER_BUTTON = bytes.fromhex(
    "fb"          # sti              the timer wakes it
    "ba0206b80001ef"  # PM1_EN       = PWRBTN_EN, at the ports where SeaBIOS has put them on a q35
    "ba0006"      # mov dx, PM1_STS
    "f4ed"        # hlt; in ax, dx   until
    "f6c401"      # test ah, 1       somebody has pressed it
    "74f9"        # jz hlt
    "ba0406b80020ef"  # PM1_CNT      = SLP_EN: off
    "f4"
)
"""A boot sector that is all the system it takes to stop when asked (ACPI 6.5, section 4.8.3)."""


def make_image(file: Path) -> None:
    """A qcow2 of 2 GiB with a boot sector and nothing else."""
    raw = file.with_suffix(".raw")
    raw.write_bytes(POWER_BUTTON.ljust(510, b"\0") + b"\x55\xaa")
    with raw.open("r+b") as stream:
        stream.truncate(2 << 30)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, file], check=True)
    raw.unlink()


@contextmanager
def images(folder: Path) -> Iterator[str]:
    """Serves that image and its sums, as Debian does; the URL in the place of ``DEBIAN``."""
    image = folder / IMAGE
    image.parent.mkdir(parents=True)
    make_image(image)
    digest = hashlib.sha512(image.read_bytes()).hexdigest()
    image.with_name("SHA512SUMS").write_text(f"{digest}  {image.name}\n")
    with serving(folder) as url:
        yield url
