"""SIGKILL of whole applies at random moments while they edit guests that were there before.

Each kill falls on what the one before it has left; the next apply then finishes, and every guest
verifies. How many (3) and which moments: KILLED_APPLIES and KILLS_SEED. What a kill leaves at any
moment of an edit is looked at closer, and cheaper, in test_killed_edits.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
from collections.abc import Iterator

import pytest

from tests.faults.fault import KILLS, Fault
from tests.faults.run import run
from tests.goals import seed
from tests.integration.lab import Lab
from tests.integration.odd_guests import plain_disk

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(7200)]

APPLIES = int(os.environ.get("KILLED_APPLIES", "3"))
SEED = seed("KILLS_SEED")
LONGEST = 2.5
"""Seconds after the first edit began; both guests' edits and growth take about as long."""
EVERY = 5
"""After so many kills, and after the last, all is finished and verified."""
NAMES = ("one", "two")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab.make("tctdapply")
    plain_disk(lab.folder / "base.raw")
    lab.write("image", f"""
        kind: Image
        metadata: {{name: base}}
        spec: {{source: {{path: {lab.folder / "base.raw"}}}}}
    """)
    for name in NAMES:
        lab.write(f"disk-{name}", f"""
            kind: Disk
            metadata: {{name: {name}}}
            spec: {{image: base, size: 128MiB}}
        """)
    yield lab
    lab.clean()


def declare(lab: Lab, number: int) -> None:
    lab.secret("ann.txt", f"password {number}")
    for place, name in enumerate(NAMES):
        lab.write(name, f"""
            kind: Guest
            metadata: {{name: {name}}}
            spec:
              disk: {name}
              hostname: {name}-{number}
              interfaces: [{{name: eth0, address: 10.0.{number}.{15 + place}/24}}]
              users:
                ann: {{password: {{file: secrets/ann.txt}}}}
                new{number}: {{groups: [users]}}
        """)


def killed(lab: Lab, seconds: float, what: str) -> bool:
    """Whether it was killed, rather than having come to its end before."""
    fault = Fault(what, after=seconds, where="^guest edit")
    done = run(("apply", str(lab.manifests), "--yes"), lab.storage, fault)
    assert done.killed or done.code == 0, done.said
    # A worker that outlives tinycloud holds the lock until its appliance is gone.
    with (lab.storage / "journal.jsonl").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
    return done.killed


def test_after_the_next_apply_every_guest_verifies(lab: Lab) -> None:
    print(f"KILLS_SEED={SEED}")
    dice = random.Random(SEED)
    declare(lab, 0)
    lab.apply()
    kills = 0
    for number in range(1, APPLIES + 1):
        declare(lab, number)
        kills += killed(lab, dice.uniform(0, LONGEST), dice.choice(KILLS))
        if number % EVERY and number < APPLIES:
            continue
        lab.apply()
        lab.assert_settled()
        told = json.loads(lab.run("verify", "--json", expect=0))["guests"]
        assert [one["verdict"] for one in told] == ["as declared"] * len(NAMES)
    print(f"{kills} of {APPLIES} applies were killed")
    assert kills > APPLIES // 2
