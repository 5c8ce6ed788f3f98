"""A machine boots the kernel of its image directly, and its own again when that is taken out.

One machine lives through this module, in the order of the tests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lab import BOOT_SECONDS, Lab, tree, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

CMDLINE = "root=/dev/vda2 ro console=ttyS0"
PINNED = "the guest's own upgrades do not change it"


@pytest.fixture(scope="module")
def lab(debian: Path) -> Iterator[Lab]:
    lab = Lab.make("tctk")
    lab.write("image", f"""
        kind: Image
        metadata: {{name: debian}}
        spec: {{source: {{path: {debian}}}}}
    """)
    yield lab
    lab.clean()


def declare(lab: Lab, cmdline: str) -> None:
    """``cmdline``: empty for a machine that boots from its disk."""
    kernel = f"kernel: {{fromImage: true, cmdline: {cmdline}}}" if cmdline else ""
    lab.write("web", f"""
        kind: VirtualMachine
        metadata: {{name: web}}
        spec:
          cpus: 1
          memory: 512MiB
          accel: tcg
          stopTimeout: 60
          disks: [{{name: root, image: debian}}]
          {kernel}
    """)


def files(lab: Lab) -> dict[str, Path]:
    """What lies beside the image, by ending."""
    return {path.suffix: path for path in (lab.storage / "images").iterdir()}


def said(lab: Lab, marker: str, after: int = 0) -> str:
    """What the machine wrote to its serial console, up to the marker."""
    log = lab.storage / "consoles" / "web.log"
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        text = log.read_bytes()[after:].decode("utf-8", "replace") if log.exists() else ""
        if marker in text:
            return text
        time.sleep(1)
    raise AssertionError(text[-2000:])


def spoken(lab: Lab) -> int:
    return (lab.storage / "consoles" / "web.log").stat().st_size


def notes(lab: Lab) -> list[str]:
    return [note["text"] for note in lab.plan()["notes"]
            if note["address"] == "virtualmachine/web"]


def test_a_machine_is_made_with_the_kernel_of_its_image(lab: Lab) -> None:
    declare(lab, CMDLINE)
    plan = lab.plan()
    assert {"field": "kernel.image", "new": "debian"}.items() <= next(
        field for field in plan["virtualmachine/web"]["fields"]
        if field["field"] == "kernel.image").items()
    lab.apply()
    lab.assert_settled()
    assert set(files(lab)) == {".qcow2", ".vmlinuz", ".initrd"}
    assert {path.stat().st_mode & 0o777 for path in files(lab).values()} == {0o444}


def test_it_boots_to_its_prompt_without_a_boot_loader(lab: Lab) -> None:
    text = said(lab, "localhost login: ")
    assert f"Command line: {CMDLINE}" in text.replace("\r", "")
    assert "GRUB" not in text
    (note,) = notes(lab)
    assert note.startswith("kernel pinned: 6.1.0-") and note.endswith(f"of image/debian; {PINNED}")
    version = note.split()[2]
    assert f"Linux version {version} " in text


def test_the_second_apply_makes_no_call(lab: Lab) -> None:
    before = tree(lab.storage / "images")
    assert "No changes" in lab.apply()
    assert tree(lab.storage / "images") == before


def test_another_command_line_is_for_the_next_boot(lab: Lab) -> None:
    declare(lab, f"{CMDLINE} tinycloud.was=here")
    change = lab.plan()["virtualmachine/web"]
    assert [(f["field"], f["impact"]) for f in change["fields"]] == [
        ("kernel.cmdline", "at next boot")]
    lab.apply()
    lab.assert_settled()
    assert any("waits for a restart" in note and "kernel.cmdline" in note for note in notes(lab))
    heard = spoken(lab)
    lab.apply("--restart", "vm/web")
    lab.assert_settled()
    said(lab, "tinycloud.was=here", heard)


def test_files_that_were_lost_are_taken_out_again_and_half_of_them_finished(lab: Lab) -> None:
    there = files(lab)
    initrd, kernel = there[".initrd"], there[".vmlinuz"]
    content, inode = initrd.read_bytes(), kernel.stat().st_ino
    initrd.unlink()
    part = Path(f"{initrd}.part")
    part.write_text("left over")
    lab.apply()
    lab.assert_settled()
    assert (initrd.read_bytes(), part.exists()) == (content, False)
    assert kernel.stat().st_ino == inode


def test_a_kernel_that_was_changed_is_not_booted(lab: Lab) -> None:
    kernel = files(lab)[".vmlinuz"]
    whole, times = kernel.read_bytes(), kernel.stat()
    with kernel.open("ab") as file:
        file.write(b"more")
    assert "was changed after it was published" in lab.plan()["image/debian"]["blocked"]
    kernel.write_bytes(whole)
    os.utime(kernel, ns=(times.st_atime_ns, times.st_mtime_ns))
    lab.assert_settled()


def test_taken_out_the_guest_boots_its_own_kernel_again(lab: Lab) -> None:
    declare(lab, "")
    change = lab.plan()["virtualmachine/web"]
    assert {f["field"]: f["new"] for f in change["fields"]} == {
        "kernel.image": None, "kernel.cmdline": None}
    heard = spoken(lab)
    # It may not have come as far as to hear a request.
    virsh("destroy", lab.domain("web"))
    lab.apply()
    lab.assert_settled()
    xml = virsh("dumpxml", "--inactive", lab.domain("web"))
    assert not any(tag in xml for tag in ("<kernel>", "<initrd>", "<cmdline>"))
    assert "GRUB" in said(lab, "Linux version ", heard)
    assert notes(lab) == []


def test_nothing_is_left_of_it(lab: Lab) -> None:
    virsh("destroy", lab.domain("web"))
    lab.run("destroy", "--yes", "--delete-data", "image/*", "--delete-data", "disk/*")
    trash = sorted(path.suffixes[0] for path in (lab.storage / "trash").iterdir()
                   if path.name.startswith("debian"))
    assert trash == [".initrd", ".qcow2", ".vmlinuz"]
    lab.run("purge", "--yes")
    assert {path.name for path in lab.storage.iterdir()} <= {"journal.jsonl"}
