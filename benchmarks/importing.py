"""An image of 4 GiB is taken in: digest, inspection and conversion, beside the bare conversion."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.measure import Contender, command, medians
from benchmarks.results import Row, told
from benchmarks.scene import NAME, TINYCLOUD, Scene

SIZE = 4 << 30
BLOCK = 64 << 20
ROUNDS = 3


def rows(scene: Scene) -> Iterator[Row]:
    source, to = scene.folder / "large.raw", scene.folder / "large.qcow2"
    with source.open("wb") as file:
        for _ in range(SIZE // BLOCK):
            file.write(os.urandom(BLOCK))
    manifest = scene.folder / "large.yaml"
    manifest.write_text(
        f"apiVersion: tinycloud/v1\nkind: Cloud\nmetadata: {{name: {NAME}}}\n"
        f"spec: {{storage: {scene.storage}}}\n---\n"
        f"apiVersion: tinycloud/v1\nkind: Image\nmetadata: {{name: large}}\n"
        f"spec: {{source: {{path: {source}}}}}\n")

    def before() -> None:
        scene.wipe()
        to.unlink(missing_ok=True)
        # A digest that is remembered is no measure of the first one.
        os.utime(source)

    took = medians([
        Contender("tinycloud", lambda: command(TINYCLOUD, "apply", "--yes", str(manifest)), before),
        Contender("floor", lambda: command(
            "qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(source), str(to)), before),
        Contender("sha256sum", lambda: command("sha256sum", str(source)), before),
    ], ROUNDS)
    source.unlink()
    ratio = took["tinycloud"].seconds / took["floor"].seconds
    yield Row(
        "import of a 4 GiB image with digest and conversion",
        "≤ 1.1 × bare qemu-img convert; the source is read once",
        f"{ratio:.2f} × floor; a local source is read twice", False,
        "a base that is not named after its source's digest: a plan has to know that name before "
        "anything is converted. A download is digested on its way, once", told(took))
