"""Images with something thrown into their headers, and what an import makes of each."""

from __future__ import annotations

import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tiny_cloud.errors import Failure
from tiny_cloud.host.imports import import_image
from tiny_cloud.steps import ImportImage

EXTREMES = (0, 1, 2, 511, 512, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 62),
            (1 << 63) - 512, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
SPOTS = ((0, 128), (0, 128), (0, 4096), (0, 1 << 20), (-1536, 0))
"""From where to where (negative: from the end), the likelier the more often it is here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    said: str
    """Why it was refused; empty: it was imported."""
    cpu: float
    """Seconds of all processes that were started for it."""
    memory: int
    """Bytes that the largest of them had, or of one before it in the same process."""


def thrown(data: bytearray, dice: Random) -> None:
    """One to three places are overwritten: a byte, or a word with an extreme number."""
    for _ in range(dice.randint(1, 3)):
        start, end = dice.choice(SPOTS)
        place = dice.randrange(start % len(data), min(end or len(data), len(data)))
        width = dice.choice((1, 4, 8))
        number = dice.choice(EXTREMES) if width > 1 else dice.randrange(256)
        order = dice.choice(("big", "little"))
        word = (number % (1 << 8 * width)).to_bytes(width, "big" if order == "big" else "little")
        # Headers are made of words at even places.
        place -= place % width
        data[place:place + width] = word


def tried(job: tuple[str, str, int]) -> Outcome:
    """A source, what it is declared as, and the seed. Whatever is no Failure is raised."""
    source, declared, seed = job
    data = bytearray(Path(source).read_bytes())
    thrown(data, Random(seed))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="tctc-", dir="/var/tmp") as folder:
        image, to = Path(folder, "image"), Path(folder, "base.qcow2.part")
        image.write_bytes(data)
        try:
            import_image(ImportImage(str(image), declared, str(to)))
            said = ""
        except Failure as failure:
            said = str(failure)
        left = sorted(path.name for path in Path(folder).iterdir())
        assert left == (["image"] if said else ["base.qcow2.part", "image"]), (job, left)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Outcome(said, cpu, after.ru_maxrss * 1024)
