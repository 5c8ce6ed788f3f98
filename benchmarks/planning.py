"""Pure planning: ten thousand things, none of which is there. No host is asked."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator

from benchmarks.measure import command
from benchmarks.results import Row
from benchmarks.scene import Scene

RESOURCES = 10_000
"""Half of them machines, half their disks."""


def rows(scene: Scene) -> Iterator[Row]:
    scene.declare(RESOURCES // 2)
    file = scene.folder / "planned"
    command(sys.executable, "-m", "benchmarks.planning", str(scene.manifests), str(file))
    words = file.read_text().split()
    seconds, peak = float(words[0]), int(words[1])
    yield Row(f"pure planning of {RESOURCES:,} resources, all to be created", "≤ 1.5 s, ≤ 300 MB",
              f"{seconds:.1f} s of CPU, {peak / 1e6:.0f} MB", seconds <= 1.5 and peak <= 300e6,
              "definitions made when a step is carried out rather than when it is planned: half of "
              "it is libvirt's XML for five thousand machines, and so is the memory")


def main(manifests: str, file: str) -> None:
    import tiny_cloud
    from tiny_cloud import plan

    workspace = tiny_cloud.load(manifests)
    began = time.process_time()
    made = plan.plan(workspace.resources, {}, cloud=workspace.cloud)
    seconds = time.process_time() - began
    assert len(made.changes) > RESOURCES
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    with open(file, "w") as to:
        to.write(f"{seconds} {peak}")


if __name__ == "__main__":
    main(*sys.argv[1:])
