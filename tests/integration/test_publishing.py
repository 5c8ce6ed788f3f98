"""Nothing ever has its final name before it is finished and on the disk: whole runs, watched with
strace(1), the tools that they start included."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import goals
from tests.integration.lab import TINYCLOUD, Lab

pytestmark = [pytest.mark.integration, pytest.mark.goal(3), pytest.mark.timeout(600)]

CALLS = ("openat,open,creat,write,pwrite64,writev,pwritev,ftruncate,fallocate,copy_file_range,"
         "sendfile,fsync,fdatasync,rename,renameat,renameat2,link,linkat")
WRITES = ("write", "pwrite64", "writev", "pwritev", "ftruncate", "fallocate", "copy_file_range",
          "sendfile")
LINE = re.compile(r"(?P<pid>\d+) +(?P<call>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+|\?)")
DESCRIPTOR = re.compile(r"\d+<(?P<path>/[^>]*)>")
QUOTED = re.compile(r'"(?P<path>/[^"]*)"')
JOURNAL = "journal.jsonl"
GROWING = (JOURNAL, "/consoles/")
"""What only ever gets longer; nobody reads it as a finished thing."""


@dataclass
class Seen:
    """What became of the files below a folder in one run."""

    published: dict[str, str]
    """Final name -> the name before."""
    faults: list[str]


def watched(lab: Lab, *argv: str) -> Seen:
    trace = lab.folder / "trace"
    verb, *options = argv
    done = subprocess.run(
        ["strace", "-f", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(trace), "--",
         TINYCLOUD, verb, *options, *([] if "-f" in options else [str(lab.manifests)]), "--yes"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return judged(calls(trace.read_text(errors="replace")), str(lab.storage))


def calls(text: str) -> Iterator[re.Match[str]]:
    """Whole calls, in the order in which they ended."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        pid, _, rest = line.partition(" ")
        if rest.endswith(" <unfinished ...>"):
            begun[pid] = rest.removesuffix(" <unfinished ...>").strip()
            continue
        if "resumed>" in rest:
            rest = begun.pop(pid, "") + rest.partition("resumed>")[2]
        if match := LINE.match(f"{pid} {rest.strip()}"):
            yield match


def judged(calls: Iterator[re.Match[str]], storage: str) -> Seen:
    seen = Seen({}, [])
    dirty: set[str] = set()
    unsynced: set[str] = set()
    for call in calls:
        name, rest = call["call"], call["rest"]
        if call["result"].startswith("-"):
            continue
        on = (match["path"] if (match := DESCRIPTOR.match(rest)) else "")
        named = [m["path"] for m in QUOTED.finditer(rest) if m["path"].startswith(storage)]
        if name in WRITES and on.startswith(storage):
            dirty.add(on)
        elif name in ("fsync", "fdatasync"):
            dirty.discard(on)
            unsynced.discard(on)
        elif name.startswith(("rename", "link")) and len(named) == 2:
            source, final = named
            if source in dirty:
                seen.faults.append(f"{source} is not on the disk when it becomes {final}")
            if "/trash/" not in final and not source.startswith(f"{storage}/trash/"):
                seen.published[final] = source
            unsynced.add(final.rpartition("/")[0])
        elif name in ("open", "openat", "creat") and named and "O_CREAT" in rest:
            (path,) = named
            if ".part" not in path and not any(word in path for word in GROWING):
                seen.faults.append(f"{path} is made under its final name")
    seen.faults += [f"{folder} is not synced after a renaming" for folder in sorted(unsynced)]
    return seen


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab.make("tctbpub")
    try:
        write_source(lab, 1)
        lab.write("image", """
            kind: Image
            metadata: {name: base}
            spec: {source: {path: ../base.raw}}
        """)
        lab.write("blank", "kind: Disk\nmetadata: {name: blank}\nspec: {size: 8MiB, format: raw}")
        lab.write("old", "kind: Disk\nmetadata: {name: old}\nspec: {size: 8MiB}")
        lab.write("web", """
            kind: VirtualMachine
            metadata: {name: web}
            spec:
              cpus: 1
              memory: 32MiB
              running: false
              disks: [{name: root, image: base}, {name: blank, disk: blank}]
              guest: {method: cloudInit, hostname: web}
        """)
        yield lab
    finally:
        lab.clean()


def write_source(lab: Lab, version: int) -> None:
    (lab.folder / "base.raw").write_bytes(bytes([version]) * (4 << 20))


def test_every_final_name_is_given_to_what_is_finished(lab: Lab) -> None:
    """All that is in the storage afterwards was published in one of these runs."""
    published: dict[str, str] = {}

    def run(*argv: str) -> None:
        seen = watched(lab, *argv)
        assert seen.faults == [], argv
        assert all(source.startswith(f"{final}.part") or ".part" in source
                   or not Path(source).exists() for final, source in seen.published.items())
        published.update(seen.published)

    run("apply")
    first = dict(published)
    write_source(lab, 2)
    lab.write("old", """
        kind: Disk
        metadata: {name: new, renamedFrom: old}
        spec: {size: 16MiB}
    """)
    run("apply", "--rebase", "disk/web-root")
    lab.write("blank", "kind: Disk\nmetadata: {name: blank}\nspec: {size: 8MiB, format: qcow2}")
    run("apply", "--replace", "disk/blank")
    run("commit", "web-root", "golden", "-f", str(lab.manifests))
    there = {str(path) for path in lab.storage.rglob("*") if path.is_file()
             and not any(word in str(path) for word in (*GROWING, "/trash/", "/nvram/"))}
    assert len(there) >= 14 and there <= published.keys(), there - published.keys()
    assert not [path for path in there if ".part" in path]
    assert {f"{lab.storage}/disks/web-root.qcow2", f"{lab.storage}/seeds/web.iso",
            f"{lab.storage}/records/guest-web.json"} <= first.keys()
    goals.seen(3, "names given in whole runs of apply, rebase, replace, rename and commit, with "
               "qemu-img and xorriso (strace)", len(published),
               short="volumes: no strace in the guest in which LVM runs; their flush is qemu-img's")


def test_the_watcher_sees_what_is_wrong() -> None:
    """A test that cannot fail is worth nothing."""
    def faults(*lines: str) -> list[str]:
        return judged(calls("\n".join(f"7 {line}" for line in lines)), "/s").faults

    write = 'pwrite64(5</s/d/a.part>, "x", 1, 0) = 1'
    sync, rename = "fsync(5</s/d/a.part>) = 0", 'rename("/s/d/a.part", "/s/d/a") = 0'
    folder = "fsync(6</s/d>) = 0"
    assert faults(write, sync, rename, folder) == []
    assert faults(write, rename, sync, folder) != []
    assert faults(sync, write, rename, folder) != []
    assert faults(write, sync, folder, rename) != []
    assert faults('openat(AT_FDCWD, "/s/d/a", O_WRONLY|O_CREAT, 0600) = 5</s/d/a>') != []
    assert faults(write, "fsync(5</s/d/a.part> <unfinished ...>", rename, folder) != []


@pytest.mark.parametrize("options", [(), ("-t", "writeback")])
def test_what_qemu_img_writes_to_a_device_it_flushes_only_if_told(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """So a FillVolume tells it: a volume is renamed by LVM, and nobody has its descriptor."""
    source, to, trace = tmp_path / "source", tmp_path / "to", tmp_path / "trace"
    source.write_bytes(b"x" * (1 << 20))
    to.touch()
    to.write_bytes(bytes(1 << 20))
    subprocess.run(["strace", "-f", "-o", str(trace), "-e", "trace=fsync,fdatasync", "--",
                    "qemu-img", "convert", *options, "-n", "-f", "raw", "-O", "raw",
                    str(source), str(to)], check=True)
    assert ("sync(" in trace.read_text()) == bool(options)
