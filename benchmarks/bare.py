"""The floor: what qemu-img and virsh take for the same work, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Took, command
from benchmarks.scene import URI, Scene


def create(scene: Scene, definitions: Sequence[Path]) -> Took:
    """An overlay each by qemu-img, all definitions by one virsh."""
    lines = [f"qemu-img create -q -f qcow2 -b {scene.base} -F qcow2 {_disk(scene, file)}"
             for file in definitions]
    return _both(scene, "create", lines, [f"define {file}" for file in definitions])


def destroy(scene: Scene, definitions: Sequence[Path]) -> Took:
    return _both(scene, "destroy", [f"rm {_disk(scene, file)}" for file in definitions],
                 [f"undefine {file.stem}" for file in definitions])


def look(scene: Scene, definitions: Sequence[Path]) -> Took:
    """At every definition, and at every overlay's header, of what tinycloud has made."""
    disks = [scene.storage / "disks" / _disk(scene, file).name for file in definitions]
    return _both(scene, "look", [f"qemu-img info {disk}" for disk in disks],
                 [f"dumpxml --inactive {file.stem}" for file in definitions])


def _both(scene: Scene, name: str, lines: list[str], asked: list[str]) -> Took:
    script, words = scene.folder / f"{name}.sh", scene.folder / f"{name}.virsh"
    words.write_text("\n".join([*asked, "quit\n"]))
    script.write_text("\n".join(["set -e", *lines, f"virsh -q -c {URI} <{words}\n"]))
    return command("sh", str(script))


def _disk(scene: Scene, definition: Path) -> Path:
    machine = definition.stem.partition("-")[2]
    return scene.folder / "disks" / f"{machine}-root.qcow2"
