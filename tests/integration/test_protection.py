"""Bases, files that are not what they were, and what others have made: nothing of it is written,
and it is said why. With a real libvirt."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import goals
from tests.integration.lab import TINYCLOUD, Lab, digest, virsh
from tests.integration.test_disks_in_use import OVER, cases, contents, write_all
from tiny_cloud.host.openers import openers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


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
@pytest.mark.long  # in memory: tests/unit/test_nothing_lost.py
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
