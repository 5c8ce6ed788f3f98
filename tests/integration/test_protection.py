"""Disks in use, bases, and files that are not what they were: nothing is written, and it is said
why. With real qemu and libvirt."""

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
from tiny_cloud.apply import Progress
from tiny_cloud.host.openers import openers
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
        for word, hold, every_run in (("qemu-io", qemu_io, ("grow", "edit", "rebase", "destroy")),
                                      ("domain", domain, ("flatten",)))
        for param in cases(CASES, every_run)]


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
        events = list(tiny_cloud.load(str(used.manifests)).plan(wish).apply(parallel=1))
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


def facts(path: Path) -> tuple[object, ...]:
    status = path.stat()
    return (digest(path), status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns)


@pytest.mark.goal(8)
def test_a_base_stays_what_it_is(lab: Callable[[str], Lab]) -> None:
    """Under a machine that runs, against the qemu user and our own verbs; an edit is found."""
    one = lab("tctbbase")
    write_all(one)
    one.write("web", """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 32MiB, stopTimeout: 1, disks: [{name: root, disk: over}]}
    """)
    one.apply()
    (base,) = (one.storage / "images").iterdir()
    before = facts(base)
    assert [opener.writes for opener in openers(base) if "domain" in opener.name] == [False]
    write = ["runuser", "-u", "libvirt-qemu", "--", "sh", "-c", f"echo x >> {base}"]
    assert subprocess.run(write, capture_output=True, check=False).returncode != 0
    for argv in (("destroy", "--delete-data", "image/base", "--force-off", "*"),
                 ("apply", "--replace", "image/base", "--restart", "*")):
        one.run(argv[0], "--yes", *argv[1:], expect=None)
        assert facts(base) == before, argv
    one.apply()
    virsh("destroy", one.domain("web"))
    assert facts(base) == before
    # One byte, and everything that a look costs nothing at is as it was.
    status = base.stat()
    with base.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(base, ns=(status.st_atime_ns, status.st_mtime_ns))
    said = one.run("apply", "--yes", "--deep", expect=1)
    assert f"{base} was changed after it was published" in said
    assert one.domain("web") not in virsh("list", "--name"), "nothing starts on it"
    checked = subprocess.run([TINYCLOUD, "check", "-f", str(one.manifests)], capture_output=True,
                             text=True, check=False)
    assert checked.returncode == 1
    assert "its content is not that which was published" in checked.stdout
    os.utime(base)
    assert "was changed after it was published" in one.run("plan")
    goals.seen(8, "a base under a running machine, against the qemu user, destroy and replace; "
               "one byte changed behind our back", 5)


@pytest.mark.goal(8)
@pytest.mark.parametrize("instead", cases(("copy", "another", "blank"), ("copy",)))
def test_a_file_that_is_not_the_one_it_was(lab: Callable[[str], Lab], instead: str) -> None:
    """The definition still names the path (CVE-2020-17376): no machine starts on it, and nothing is
    written."""
    one = lab("tctbid")
    write_all(one)
    one.write("web", """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 32MiB, disks: [{name: root, disk: over}, {name: b, disk: raw}]}
    """)
    one.apply()
    virsh("destroy", one.domain("web"))
    over, raw = one.disk("over"), one.storage / "disks/raw.raw"
    over.rename(one.folder / "aside")
    if instead == "copy":
        subprocess.run(["cp", "-a", str(one.folder / "aside"), str(over)], check=True)
    elif instead == "another":
        raw.rename(over)
    else:
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(over), "8M"], check=True)
    before = contents(one)
    one.write("over", OVER.replace("8MiB", "16MiB"))
    said = one.apply(expect=1)
    assert "blocked" in said
    assert one.domain("web") not in virsh("list", "--name")
    assert {path: it for path, it in contents(one).items() if path in before} == before
    goals.seen(8, "a file under the path of a disk that is another one", 1)


THEIR_DOMAIN = """<domain type='qemu'><name>{}</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64'>hvm</type></os></domain>"""
THEIR_NETWORK = "<network><name>{}</name></network>"


@pytest.mark.goal(5)
def test_what_others_have_made_under_our_names_stays(lab: Callable[[str], Lab]) -> None:
    """Whatever consent is given, but that to take it over."""
    one = lab("tctbtheirs")
    write_all(one)
    one.write("net", "kind: Network\nmetadata: {name: lab}\nspec: {subnet: 10.99.7.0/24}")
    one.write("web", """
        kind: VirtualMachine
        metadata: {name: web}
        spec:
          cpus: 1
          memory: 32MiB
          disks: [{name: root, disk: over}]
          guest: {method: cloudInit, hostname: web}
    """)
    moves = [command for change in one.plan().values() if isinstance(change, dict)
             for command in change["commands"] if command.startswith("mv --no-clobber")]
    finals = [Path(command.split()[-1]) for command in moves]
    assert {path.parent.name for path in finals} == {"images", "disks"}
    for path in (*finals, one.storage / "seeds/web.iso"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1 << 16))
    for verb, text, name in (("define", THEIR_DOMAIN, "web"), ("net-define", THEIR_NETWORK, "lab")):
        xml = one.folder / f"{verb}.xml"
        xml.write_text(text.format(one.domain(name)))
        virsh(verb, str(xml))

    def theirs() -> dict[str, str]:
        return {**contents(one), "seed": digest(one.storage / "seeds/web.iso"),
                "domain": virsh("dumpxml", one.domain("web")),
                "network": virsh("net-dumpxml", one.domain("lab"))}

    before = theirs()
    agreed = [word for flag in ("replace", "restart", "force-off", "rebase", "delete-data")
              for word in (f"--{flag}", "*")]
    verbs = (("apply", "--prune", *agreed), ("destroy", *agreed), ("gc",), ("repair",), ("purge",))
    for verb, *options in verbs[:2]:
        said = one.run(verb, "--yes", *options, expect=None)
        assert theirs() == before, (verb, said)
    for file in one.manifests.glob("*.yaml"):
        if file.name != "cloud.yaml":
            file.unlink()
    for verb, *options in (*verbs[:1], *verbs[2:]):
        one.run(verb, "--yes", *options, expect=None)
        assert theirs() == before, verb
    goals.seen(5, "files, a domain and a network of others under our names (real libvirt)",
               len(before) * (len(verbs) + 1),
               short="volumes: in memory here, and really in the tests of LVM")
