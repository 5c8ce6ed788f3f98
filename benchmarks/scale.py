"""A thousand machines: made, planned with nothing to do, and destroyed, beside the bare tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from benchmarks import bare, volumes
from benchmarks.measure import Contender, Took, medians
from benchmarks.results import MIB, Row, told
from benchmarks.scene import Scene

MACHINES, NETWORKS, VOLUMES = 1000, 10, 200
ROUNDS = 3


def rows(scene: Scene) -> Iterator[Row]:
    """The tenth of it first, for what grows."""
    few = _plans(scene, MACHINES // 10)["tinycloud"]
    scene.declare(MACHINES)
    scene.only_the_image()
    made = scene.tinycloud("apply", "--yes")
    early, late = _pace(scene)
    definitions = scene.definitions()
    gone = scene.tinycloud("destroy", "--yes", "--delete-data", "*")
    scene.wipe()
    floor_made = bare.create(scene, definitions)
    floor_gone = bare.destroy(scene, definitions)
    for name, ours, floor in (("create", made, floor_made), ("destroy", gone, floor_gone)):
        ratio = ours.seconds / floor.seconds
        yield Row(f"{name} {MACHINES} machines", "≤ 1.5 × floor", f"{ratio:.2f} × floor",
                  ratio <= 1.5, MAKING, told({"tinycloud": ours, "floor": floor}))
    yield Row("a step when there is nothing yet, and after all the others",
              "no step's time grows with the number already there",
              f"{1000 * early:.0f} ms, then {1000 * late:.0f} ms", late <= 1.3 * early, GROWS)
    yield Row("peak memory of apply for 1,000 machines", "≤ 250 MB",
              f"{made.peak / 1e6:.0f} MB", made.peak <= 250e6, MEMORY)
    many = _plans(scene, MACHINES)
    ratio = many["tinycloud"].seconds / many["floor"].seconds
    grows = many["tinycloud"].seconds / few.seconds
    yield Row(
        f"no-op plan of {MACHINES} machines with an overlay each, {NETWORKS} networks, "
        f"{VOLUMES} logical volumes (recorded report)", "≤ 2 × floor and ≤ 5 s",
        f"{ratio:.2f} × floor, {many['tinycloud'].seconds:.1f} s, "
        f"{many['tinycloud'].peak / MIB:.0f} MiB",
        ratio <= 2 and many["tinycloud"].seconds <= 5, PLANNING, told(many))
    yield Row("ten times the machines", "≤ 11 × the time", f"{grows:.1f} ×", grows <= 11, PLANNING)


def _plans(scene: Scene, machines: int) -> dict[str, Took]:
    """With nothing to do, and the bare look at as many."""
    scene.declare(machines, NETWORKS)
    scene.only_the_image()
    scene.tinycloud("apply", "--yes")
    definitions = scene.definitions()
    scene.declare(machines, NETWORKS, VOLUMES)
    path = volumes.record(scene)
    return medians([
        Contender("tinycloud",
                  lambda: scene.tinycloud("plan", "--detailed-exitcode", path=path)),
        Contender("floor", lambda: bare.look(scene, definitions)),
    ], ROUNDS)


def _pace(scene: Scene) -> tuple[float, float]:
    """Seconds that a machine takes, of the first tenth and of the last."""
    lines = (scene.storage / "journal.jsonl").read_text().splitlines()
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    for entry in map(json.loads, lines):
        address = entry.get("address", "")
        if address.startswith("virtualmachine/"):
            time = datetime.fromisoformat(entry["time"]).timestamp()
            began.setdefault(address, time)
            took[address] = time - began[address]
    times, tenth = list(took.values()), len(took) // 10
    return median(times[:tenth]), median(times[-tenth:])


MAKING = ("each file is stamped, recorded and synced to the disk, each definition checked against "
          "libvirt's schema, and all is looked at again at the end; the floor does none of it")
GROWS = "a look at what asks libvirt for more than its own machine"
MEMORY = "plans that keep what a step needs rather than the step"
PLANNING = ("most of it is reading and checking the manifests in Python: a parser and a validator "
            "that are not")
