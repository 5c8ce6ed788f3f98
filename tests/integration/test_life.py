"""A day in the life of five machines: random edits on real libvirt, each one carried out: 60 in
every run, 200 in ``make long``.

Each edit is applied with the consents that it takes, now and then after somebody meddled, and now
and then on the second try, because a step failed or the power did. Then the plan is empty.
It is the same day in every run, so that what breaks it is the change at hand; ``LIFE_SEED=new
LIFE_EDITS=500 pytest tests/integration/test_life.py`` lives another one, and prints its seed.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from lxml import etree

import tiny_cloud
from tests.integration.lab import Lab, virsh
from tests.integration.life import BRIDGES, EDITS, Life, domain_of
from tests.integration.life import devices as _devices  # noqa: F401  its edits
from tests.integration.life.drift import meddle
from tests.integration.life.machines import new_machine
from tests.integration.life.networks import first_networks
from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.events import Event
from tiny_cloud.host.perform import Host
from tiny_cloud.steps import Step

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0)]

SEED = os.environ.get("LIFE_SEED", "2012")
SEED = os.urandom(4).hex() if SEED == "new" else SEED
EDITS_A_DAY = int(os.environ.get("LIFE_EDITS", "60"))
MEDDLING, FAULTS = 0.25, 0.12
"""Shares of the rounds."""


Perform = Callable[[Host, Step, Progress], None]


class Killed(BaseException):
    """The power went away."""


@pytest.fixture
def life() -> Iterator[Life]:
    lab = Lab.make("tctl")
    for name in ("one.iso", "two.iso"):
        (lab.folder / name).write_bytes(bytes(1 << 20))
    try:
        for name in BRIDGES:
            subprocess.run(["ip", "link", "add", name, "type", "bridge"], check=True)
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
        one = Life(random.Random(SEED), lab, networks=first_networks())
        one.machines = {name: new_machine(one) for name in ("web", "db", "mail", "git", "log")}
        one.disks = {"one": {"mib": 1}, "two": {"mib": 2}}
        yield one
    finally:
        lab.clean()
        for name in BRIDGES:
            subprocess.run(["ip", "link", "delete", name], check=False)


@pytest.mark.parametrize("rounds", [EDITS_A_DAY, pytest.param(200, marks=pytest.mark.long)])
def test_a_life(life: Life, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"LIFE_SEED={SEED}")
    began = time.monotonic()
    diary: list[str] = []
    try:
        for number in range(rounds):
            life.begin()
            diary.append(f"{number}: {turn(life) if number else 'the beginning'}")
            if os.environ.get("LIFE_DIARY"):
                print(f"{time.monotonic() - began:6.1f} {diary[-1]}", flush=True)
            live_through(life, diary, monkeypatch)
            if number % 20 == 19:
                look(life)
    except (AssertionError, Problems, Failure) as error:
        last = "\n".join(diary[-8:])
        pytest.fail(f"LIFE_SEED={SEED}\n{error}\n{last}\n{life.wish()}", pytrace=False)
    print(f"{rounds} edits in {time.monotonic() - began:.0f} s")


def turn(life: Life) -> str:
    """The first edit drawn that fits and makes sense; and somebody's meddling."""
    while True:
        before = life.declared()
        if said := life.dice.choice(EDITS)(life):
            life.write()
            try:
                tiny_cloud.load(str(life.lab.manifests))
                break
            except Problems:
                pass
        life.declare(before)
    return f"{said}; {meddle(life)}" if life.chance(MEDDLING) else said


def live_through(life: Life, diary: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = life.write()
    if life.chance(FAULTS):
        last, how = life.dice.randint(0, 6), life.dice.choice([Failure, Killed])
        diary[-1] += f"; the step after {last} ends with {how.__name__}"
        with monkeypatch.context() as patch:
            patch.setattr(Host, "perform", failing(Host.perform, last, how))
            with suppress(Killed):
                apply(life)
    wrong = [f"{event.what} {event.address} {event.phase}: {event.text} {event.hint} "
             f"{event.detail} ({event.place})"
             for event in apply(life) if event.what in ("failed", "skipped")]
    assert not wrong, "\n".join([text, *wrong])
    left = [f"{c.action.value} {c.address} {c.diffs} {c.because} {c.blocked} {c.allow}"
            for c in tiny_cloud.load(str(life.lab.manifests)).plan().plan.changes]
    assert not left, "\n".join([text, *left])
    life.settled()


def apply(life: Life) -> list[Event]:
    planned = tiny_cloud.load(str(life.lab.manifests)).plan(life.wish())
    return [event for event in planned.applying(parallel=2) if event.what != "progress"]


def failing(real: Perform, last: int, how: type[BaseException]) -> Perform:
    """Steps come to an end after so many; what takes them back works."""
    done = [0]

    def perform(self: Host, step: Step, progress: Progress) -> None:
        done[0] += 1
        if done[0] == last + 1 or (done[0] > last and how is Killed):
            raise how("it was made to fail")
        real(self, step, progress)

    return perform


def look(life: Life) -> None:
    """What libvirt has is what is declared, seen with other eyes."""
    running = virsh("list", "--name").split()
    for name, spec in life.machines.items():
        domain = domain_of(life, name)
        assert (domain in running) == life.runs(name), name
        root = etree.fromstring(virsh("dumpxml", "--inactive", domain))
        assert int(str(root.findtext("memory"))) == int(spec["memory"].removesuffix("MiB")) << 10
        disks = root.findall("devices/disk[@device='disk']")
        found = {str(disk.findtext("serial")): disk.find("source").get("file") for disk in disks}
        assert found == {
            disk.get("serial", disk["name"]): str(path(life, name, disk))
            for disk in spec["disks"]}, name
        sockets = [source.get("network") or source.get("bridge") for source in
                   root.iterfind("devices/interface[alias]/source")]
        wanted = [life.lab.domain(card["network"]) if "network" in card else card["bridge"]
                  for card in spec["interfaces"]]
        assert sorted(sockets) == sorted(wanted), name
    for name, spec in life.networks.items():
        root = etree.fromstring(virsh("net-dumpxml", "--inactive", life.lab.domain(name)))
        kept = {str(host.get("ip")) for host in root.iterfind("ip/dhcp/host")}
        wanted = {card["address"] for machine in life.machines.values()
                  for card in machine["interfaces"]
                  if card.get("network") == name and "address" in card}
        assert kept == (wanted if "dhcp" in spec else set()), name
        assert life.lab.domain(name) in virsh("net-list", "--name").split()


def path(life: Life, machine: str, disk: dict[str, str]) -> Path:
    """Its one file, whatever its format."""
    name = disk.get("disk") or f"{machine}-{disk['name']}"
    (found,) = (life.lab.storage / "disks").glob(f"{name}.*")
    return found
