"""A scenario on a real host: begun anew for each fault, hurt, done again, and looked at."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from zlib import crc32

import libvirt

from tests.faults import watch
from tests.faults.fault import INTERRUPT, KILLS, NONE, WHERE, Fault
from tests.faults.run import Run, run, scratch_of
from tests.faults.scenario import Documents, Scenario
from tests.integration.lab import URI, Lab, digest, end_all, tree
from tests.integration.servers.http import serving

MARK = 0xA7
MARKED = 64 << 10
"""Bytes at the beginning of a disk that somebody has written."""
FOREIGN = ("disks/foreign.qcow2", "images/foreign.qcow2")
"""Files in the storage that nobody has stamped: they stay as they are, to the byte."""
NAMED = re.compile(r"\b(disk|image|network|guest|virtualmachine)/[a-z]"
                   r"|cannot list the (machines|networks)")
GOING_ON = re.compile(r"[0-9:]{8} […✓]")
LIBVIRTS = ("/usr/bin/qemu-system", "/usr/sbin/dnsmasq")
SECONDS = 60
"""For the children of a killed run to end."""


@dataclass
class Bench:
    scenario: Scenario
    lab: Lab
    site: str
    """Where the lab's folder is served."""
    points: tuple[str, ...] = ()
    """Of a run without faults."""
    inventory: frozenset[str] = frozenset()
    """What there is after one."""
    seconds: float = 0.0
    """How long one takes."""
    digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def of(cls, scenario: Scenario, name: str) -> Iterator[Bench]:
        """In a lab of that name, with one run that nothing happens to. Each worker has its own, so
        that they can share a file's tests."""
        lab = Lab.make(name + os.environ.get("PYTEST_XDIST_WORKER", ""))
        try:
            scenario.sources(lab)
            with serving(lab.folder) as site:
                bench = cls(scenario, lab, site)
                bench.begin()
                started = time.monotonic()
                done = bench.run()
                bench.seconds = time.monotonic() - started
                assert done.code == 0, done.said
                bench.points, bench.inventory = done.points, frozenset(bench.there())
                yield bench
        finally:
            lab.clean()

    def begin(self) -> None:
        """The host as it is before: with what others have in the storage."""
        end_all(self.lab.name)
        for folder in (self.lab.storage, scratch_of(self.lab.storage)):
            shutil.rmtree(folder, ignore_errors=True)
        self.declare(self.scenario.before)
        if self.scenario.before:
            done = run(("apply", *self._common("apply")), self.lab.storage)
            assert done.code == 0, done.said
        for name in FOREIGN:
            path = self.lab.storage / name
            path.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(("qemu-img", "create", "-q", "-f", "qcow2", path, "1M"), check=True)
        for name in self.scenario.written:
            write_mark(self.lab.storage / name)
        self.scenario.behind(self.lab)
        self.declare(self.scenario.after)
        self.digests = {name: digest(self.lab.storage / name) for name in FOREIGN}

    def declare(self, documents: Documents) -> None:
        for file in self.lab.manifests.glob("*.yaml"):
            file.unlink() if file.name != "cloud.yaml" else None
        for name, text in documents.items():
            for word, meant in self.words.items():
                text = text.replace(word, meant)
            self.lab.write(name, text)

    @property
    def words(self) -> Mapping[str, str]:
        """What documents leave open. Two networks of one subnet cannot run at a time, and other
        labs do."""
        net = 100 + crc32(self.lab.name.encode()) % 100
        return {"{folder}": str(self.lab.folder), "{site}": self.site, "{net}": str(net)}

    def _common(self, verb: str) -> tuple[str, ...]:
        files = ("-f",) if verb in ("flatten", "commit") else ()
        return (*files, str(self.lab.manifests), "--yes")

    @property
    def plan(self) -> tuple[str, ...]:
        """The command line that shows what the scenario's would do, where that is a plan's."""
        verb, *options = self.scenario.argv
        return ("plan", str(self.lab.manifests), *(options if verb == "apply" else ()))

    def run(self, fault: Fault = NONE, *, parallel: int = 1) -> Run:
        verb, *options = self.scenario.argv
        many = ("--parallel", str(parallel)) if verb == "apply" else ()
        argv = (verb, *options, *self._common(verb), *many)
        return run(argv, self.lab.storage, fault)

    def faults(self, *hows: str) -> Iterator[Fault]:
        """One for each point of a run and each way in which it can be hurt there. A point is known
        by its words and how often they came before: what threads do at a time comes in any
        order."""
        for how in hows:
            seen: Counter[str] = Counter()
            for point in self.points:
                seen[point] += 1
                if re.search(WHERE[how], point) and re.search(self.scenario.only, point):
                    yield Fault(how, at=seen[point], where=f"^{re.escape(point)}$")

    def moments(self, dice: Random) -> Iterator[Fault]:
        """Kills at random: some time after a point, which a busy machine reaches late."""
        while True:
            point, delay = dice.choice(self.points), dice.uniform(0, self.seconds / 10)
            yield Fault(dice.choice(KILLS), after=delay, where=f"^{re.escape(point)}$")

    def survives_all(self, faults: Iterable[Fault], *, parallel: int = 1) -> list[Run]:
        """One after the other; of what goes wrong all is told, at the end."""
        runs, problems = [], []
        for fault in faults:
            try:
                runs.append(self.survives(fault, parallel=parallel))
            except AssertionError as error:
                problems.append(str(error))
        assert not problems, "\n\n".join([*problems, f"{len(problems)} of {len(runs)} and these"])
        return runs

    def survives(self, fault: Fault, *, parallel: int = 1) -> Run:
        """Begin, run with a fault, run again; the host is then as it should be."""
        self.begin()
        done = self.run(fault, parallel=parallel)
        try:
            assert "Traceback" not in done.said and "this is a bug" not in done.said
            assert done.hit or fault.after, "the point never came"
            # Who presses Ctrl-C knows why it ended.
            asked = fault.how == INTERRUPT or "Aborted." in done.errors
            quiet = done.code in (0, -signal.SIGKILL) or asked
            assert quiet or self.is_named(done), "of what?"
            self.wait_for_children()
            self.ends()
        except AssertionError as error:
            raise AssertionError(f"{self.scenario}: {fault} ({done.hit}; exit {done.code})\n"
                                 f"{done.said}\n=== what is wrong:\n{error}") from error
        return done

    def ends(self) -> None:
        """The next run finishes, and nothing is left over that no plan knows of."""
        again = self.run()
        assert again.code == 0, again.said
        self.require_settled()
        there = frozenset(self.there())
        if left := there - self.inventory:
            self.require_told(left)
            there = frozenset(self.there())
        assert there == self.inventory, sorted(there ^ self.inventory)
        assert {name: digest(self.lab.storage / name) for name in FOREIGN} == self.digests
        self.scenario.stays(self.lab)

    def require_told(self, left: frozenset[str]) -> None:
        """What a run leaves that no plan takes up is named, and gone when that is asked for."""
        told = run(("status", str(self.lab.manifests)), self.lab.storage)
        assert not (untold := [name for name in left if name not in told.said]), (
            f"{untold}\n{told.said}")
        done = run(("repair", str(self.lab.manifests), "--yes"), self.lab.storage)
        assert done.code == 0, done.said

    def is_named(self, done: Run) -> bool:
        """Whether what is said of a failure says of what: a thing, a file or the connection."""
        if "blocked: " in done.out:
            return True  # below its address
        words = [line for line in done.errors.splitlines() if not GOING_ON.match(line)]
        return any(NAMED.search(line) or str(self.lab.folder) in line or URI in line
                   or self.lab.name in line for line in words)

    def wait_for_children(self) -> None:
        """What outlives a killed run holds the lock until it has ended."""
        journal = self.lab.storage / "journal.jsonl"
        deadline = time.monotonic() + SECONDS
        while journal.exists():
            with journal.open("a") as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    assert time.monotonic() < deadline, "the lock is held for too long"
                    time.sleep(0.02)
        while left := processes_with(str(self.lab.folder)):
            assert time.monotonic() < deadline, left
            time.sleep(0.02)

    def require_settled(self) -> None:
        if self.scenario.settles:
            planned = run(("plan", str(self.lab.manifests), "--detailed-exitcode"),
                          self.lab.storage)
            assert planned.code == 0, planned.said

    def require_idle(self) -> None:
        """The second run changes nothing (safety.md's goal 9)."""
        again = self.run()
        assert again.code == 0, again.said
        if self.scenario.settles:
            assert [point for point in again.points if watch.changes_something(point)] == []

    def tree(self) -> Mapping[str, object]:
        """The whole lab but for the folder of temporary files, which Python tries before it uses
        it."""
        scratch = str(scratch_of(self.lab.storage))
        return {path: facts for path, facts in tree(self.lab.folder).items() if path != scratch}

    def there(self) -> list[str]:
        """Files but for the trash, which purge knows; what libvirt has; scratch of any kind."""
        storage, name = self.lab.storage, self.lab.name
        files = (str(path.relative_to(storage)) for path in storage.rglob("*") if path.is_file())
        kept = [file for file in files if not file.startswith("trash/")]
        # Folders: Python tries with a file whether it may write there.
        kept += [str(path) for path in scratch_of(storage).iterdir() if path.is_dir()]
        with closing(libvirt.open(URI)) as connection:
            kept += [f"domain {one.name()} {one.isActive()}" for one in connection.listAllDomains()
                     if one.name().startswith(f"{name}-")]
            kept += [f"network {one.name()} {one.isActive()}"
                     for one in connection.listAllNetworks() if one.name().startswith(f"{name}-")]
            kept += [one.usageID() for one in connection.listAllSecrets()
                     if one.usageID().startswith(f"tinycloud {name} ")]
        return kept


def write_mark(path: Path) -> None:
    _qemu_io(path, f"write -q -P {MARK} 0 {MARKED}")


def has_mark(path: Path) -> bool:
    return "verification failed" not in _qemu_io(path, f"read -P {MARK} 0 {MARKED}", "-r", "-U")


def _qemu_io(path: Path, command: str, *options: str) -> str:
    form = "raw" if ".raw" in path.name else "qcow2"
    return subprocess.run(("qemu-io", "-f", form, *options, "-c", command, path), check=True,
                          capture_output=True, text=True).stdout


def processes_with(word: str) -> list[str]:
    """Command lines that name it, but for machines, which are libvirt's."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if word in words and not words.startswith(LIBVIRTS):
                found.append(words.replace("\0", " "))
    return found
