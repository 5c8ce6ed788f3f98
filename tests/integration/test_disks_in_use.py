"""Disks in use: nothing is written, and it is said who has them. With real qemu and libvirt."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tiny_cloud
from tests import goals
from tests.integration.lab import TINYCLOUD, Lab, digest, virsh
from tiny_cloud.api import Wish
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host.perform import Host
from tiny_cloud.model import Consents
from tiny_cloud.steps import Step

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PATIENCE = 5
"""Seconds within which it is said who has a disk."""
OVER = "kind: Disk\nmetadata: {name: over}\nspec: {image: base, size: 8MiB}"
RAW = "kind: Disk\nmetadata: {name: raw}\nspec: {size: 8MiB, format: raw}"


def write_all(lab: Lab) -> None:
    (lab.folder / "base.raw").write_bytes(os.urandom(1 << 20) * 4)
    lab.write("base", "kind: Image\nmetadata: {name: base}\nspec: {source: {path: ../base.raw}}")
    lab.write("over", OVER)
    lab.write("raw", RAW)


def contents(lab: Lab) -> dict[str, str]:
    return {str(path): digest(path) for folder in ("disks", "images")
            for path in sorted((lab.storage / folder).iterdir())}


@dataclass(frozen=True)
class Case:
    """Something that would write to a disk, or move it."""

    disk: str
    argv: tuple[str, ...]
    document: str = ""
    file: str = ""


EDITED = """
kind: Guest
metadata: {name: raw}
spec: {disk: raw, hostname: web}
"""
CASES = {
    "grow": Case("raw.raw", ("apply",), RAW.replace("8MiB", "16MiB"), "raw"),
    "replace": Case("raw.raw", ("apply", "--replace", "disk/raw"),
                    RAW.replace("format: raw", "format: qcow2"), "raw"),
    "rename": Case("raw.raw", ("apply",),
                   RAW.replace("name: raw", "name: new, renamedFrom: raw"), "raw"),
    "edit": Case("raw.raw", ("apply",), EDITED, "guest"),
    "rebase": Case("over.qcow2", ("apply", "--rebase", "disk/over")),
    "flatten": Case("over.qcow2", ("flatten", "over")),
    "commit": Case("over.qcow2", ("commit", "over", "golden")),
    "destroy": Case("raw.raw", ("destroy", "--delete-data", "disk/raw")),
    "prune": Case("over.qcow2", ("apply", "--prune", "--delete-data", "*"), "", "over"),
}


def attempt(lab: Lab, case: Case) -> str:
    """What is said of it; it must not succeed."""
    if case.file:
        lab.write(case.file, case.document) if case.document else (
            lab.manifests / f"{case.file}.yaml").unlink()
    verb, *options = case.argv
    if verb in ("flatten", "commit"):
        done = subprocess.run(
            [TINYCLOUD, verb, *options, "--yes",
             "-f", str(lab.manifests)], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 1 and "Traceback" not in said, said
        return said
    return lab.run(verb, "--yes", *options, expect=1)


@contextmanager
def qemu_io(path: Path) -> Iterator[str]:
    """Another qemu that has it open to write; what it is called."""
    form = path.suffix.removeprefix(".")
    child = subprocess.Popen(["qemu-io", "-f", form, str(path)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    assert child.stdin and child.stdout
    child.stdin.write("read 0 512\n")
    child.stdin.flush()
    child.stdout.readline()
    try:
        yield f"qemu-io (process {child.pid})"
    finally:
        child.communicate("quit\n")


@contextmanager
def domain(lab: Lab, path: Path) -> Iterator[str]:
    """A machine that somebody else has started on it."""
    name, form = f"{lab.name}-theirs", path.suffix.removeprefix(".")
    xml = lab.folder / "theirs.xml"
    xml.write_text(f"""
        <domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>
        <os><type arch='x86_64'>hvm</type></os>
        <devices><disk type='file' device='disk'><driver name='qemu' type='{form}'/>
        <source file='{path}'/><target dev='vda' bus='virtio'/></disk></devices></domain>""")
    virsh("create", str(xml))
    try:
        yield name
    finally:
        virsh("destroy", name)


@pytest.fixture(scope="module")
def used() -> Iterator[Lab]:
    lab = Lab.make("tctbuse")
    try:
        write_all(lab)
        lab.apply()
        # Another version, for what is to be rebased.
        (lab.folder / "base.raw").write_bytes(os.urandom(1 << 20) * 4)
        lab.apply()
        yield lab
    finally:
        lab.clean()


def restore(lab: Lab, documents: dict[Path, str]) -> None:
    for file in lab.manifests.glob("*.yaml"):
        file.unlink()
    for file, text in documents.items():
        file.write_text(text)
    lab.apply()
    lab.assert_settled()


def cases(names: Iterable[str], every_run: Collection[str]) -> list[Any]:
    """The others are for ``make faults``."""
    return [pytest.param(name, marks=[] if name in every_run else [pytest.mark.long])
            for name in names]


HELD = [pytest.param(hold, *param.values, id=f"{word}-{param.values[0]}", marks=param.marks)
        for word, hold, names, every_run in (
            ("qemu-io", qemu_io, CASES, ("grow", "edit", "rebase", "destroy")),
            # Under a machine that runs a disk grows by libvirt, and may.
            ("domain", domain, CASES.keys() - {"grow"}, ("flatten",)))
        for param in cases(sorted(names), every_run)]


@pytest.mark.goal(7)
@pytest.mark.parametrize(("hold", "name"), HELD)
def test_a_disk_in_use_is_left_alone_and_its_holder_named(
    used: Lab, hold: Callable[..., AbstractContextManager[str]], name: str
) -> None:
    case, before = CASES[name], contents(used)
    documents = {path: path.read_text() for path in used.manifests.glob("*.yaml")}
    path = used.storage / "disks" / case.disk
    begun = time.monotonic()
    used.run("plan")
    usual = time.monotonic() - begun
    try:
        with hold(path) if hold is qemu_io else hold(used, path) as holder:
            before = contents(used)
            begun = time.monotonic()
            said = attempt(used, case)
            assert time.monotonic() - begun < PATIENCE + 2 * usual
            assert holder in said, said
            # What was made aside to take its place may be left; the next apply sees to that.
            assert {path: it for path, it in contents(used).items()
                    if not path.endswith(".part")} == before
    finally:
        restore(used, documents)
    goals.seen(7, f"a disk held by {hold.__name__.replace('_', '-')}", 1)


@pytest.mark.goal(7)
@pytest.mark.parametrize("name", cases(
    ("grow", "replace", "rename", "edit", "rebase"), ("grow", "edit")))
def test_a_domain_that_starts_in_the_middle(
    used: Lab, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After all has been looked at, under our lock, and before the first step."""
    case = CASES[name]
    documents = {path: path.read_text() for path in used.manifests.glob("*.yaml")}
    path, real, started = used.storage / "disks" / case.disk, Host.perform, []

    def perform(self: Host, step: Step, progress: Progress) -> None:
        if not started:
            started.append(domain(used, path))
            started[0].__enter__()
        real(self, step, progress)

    monkeypatch.setattr(Host, "perform", perform)
    try:
        if case.file:
            used.write(case.file, case.document)
        consents = {option.removeprefix("--"): (value,)
                    for option, value in zip(case.argv[1::2], case.argv[2::2], strict=True)}
        wish = Wish(consents=Consents(**consents))
        before = contents(used)
        events = list(tiny_cloud.load(str(used.manifests)).plan(wish).applying(parallel=1))
        failed = [event for event in events if event.what == "failed"]
        assert failed and any(f"the domain {used.name}-theirs" in event.text + event.hint
                              for event in failed), failed
        assert {path: it for path, it in contents(used).items()
                if not path.endswith(".part")} == before
    finally:
        if started:
            started[0].__exit__(None, None, None)
        restore(used, documents)
    goals.seen(7, "a domain that starts after the last look", 1)
