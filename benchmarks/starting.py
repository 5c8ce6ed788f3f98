"""What a command costs before it does anything."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Contender, command, medians
from benchmarks.results import Row, told
from benchmarks.scene import TINYCLOUD, Scene

ROUNDS = 9
DOCUMENTS = 20


def rows(scene: Scene) -> Iterator[Row]:
    scene.declare(DOCUMENTS - 2)
    took = medians([
        Contender("tinycloud --version", lambda: command(TINYCLOUD, "--version")),
        Contender("tinycloud validate", lambda: scene.tinycloud("validate")),
        Contender("python -c pass", lambda: command("python3", "-c", "pass")),
    ], ROUNDS)
    for name, work, most in (("tinycloud --version", "`tinycloud --version`", 0.12),
                             ("tinycloud validate", "`validate` of 20 documents", 0.25)):
        yield Row(work, f"≤ {most} s of CPU", f"{took[name].cpu:.2f} s of CPU",
                  took[name].cpu <= most, IMPORTS, told(took))


IMPORTS = "fewer imports: `python -X importtime .venv/bin/tinycloud validate` tells of each"
