"""The probe on a real host: the marker is one that a real kernel really prints."""

import glob
import os
import time
from pathlib import Path

import pytest

from tiny_cloud.host import acceleration

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def kernel() -> str:
    return acceleration.choose_kernel(glob.glob("/boot/vmlinuz-*"), os.uname().release)


def test_a_real_kernel_comes_to_the_marker_in_software() -> None:
    """The same machinery as under KVM, so that a "no" there is KVM's own."""
    assert acceleration.boots(kernel(), "tcg", limit=100)


def test_a_kernel_that_does_not_boot_is_found_out_in_time(tmp_path: Path) -> None:
    nonsense = tmp_path / "vmlinuz"
    nonsense.write_bytes(b"\0" * 4096)
    began = time.monotonic()
    assert not acceleration.boots(str(nonsense), "tcg", limit=3)
    assert time.monotonic() - began < 10


def test_the_answer_is_what_this_hosts_kvm_does_with_a_kernel(tmp_path: Path) -> None:
    """Whether the answer serves a real machine is tested with libvirt, in test_libvirt."""
    works = os.access(acceleration.DEVICE, os.R_OK | os.W_OK) and acceleration.boots(kernel())
    began = time.monotonic()
    assert acceleration.probe(tmp_path) == ("kvm" if works else "tcg")
    assert time.monotonic() - began < acceleration.LIMIT + 3
