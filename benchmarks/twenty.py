"""Twenty machines from one image: made, and looked at again with nothing to do."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import bare, rivals
from benchmarks.measure import Contender, Took, medians
from benchmarks.results import Row, told
from benchmarks.scene import Scene

COUNT = 20
ROUNDS = 3


def rows(scene: Scene) -> Iterator[Row]:
    scene.declare(COUNT)
    scene.only_the_image()
    scene.tinycloud("apply", "--yes")
    definitions = scene.definitions()
    kcli, ansible = rivals.Kcli(scene, COUNT), rivals.Ansible(scene, definitions)
    clones = rivals.VirtInstall(scene, COUNT)
    made = medians([
        Contender("tinycloud", lambda: scene.tinycloud("apply", "--yes"), scene.only_the_image),
        Contender("kcli", kcli.apply, kcli.before),
        Contender("ansible", ansible.apply, scene.wipe),
        Contender("virt-install and virt-clone", clones.apply, scene.wipe),
        Contender("floor", lambda: bare.create(scene, definitions), scene.wipe),
    ], ROUNDS)
    yield Row(
        "20 machines from one image (overlay and definition, not started)",
        "≤ 0.6 × kcli, ≤ 1.5 × floor", _ratios(made),
        _ratio(made, "kcli") <= 0.6 and _ratio(made, "floor") <= 1.5, MAKING, told(made))

    def there() -> None:
        scene.only_the_image()
        scene.tinycloud("apply", "--yes")

    def kcli_there() -> None:
        kcli.before()
        kcli.apply()

    def ansible_there() -> None:
        scene.wipe()
        ansible.apply()

    again = medians([
        Contender("tinycloud", lambda: scene.tinycloud("apply", "--yes"), there),
        Contender("kcli", kcli.apply, kcli_there),
        Contender("ansible", ansible.apply, ansible_there),
    ], ROUNDS)
    yield Row(
        "the same again, nothing to do (every declared field compared)",
        "≤ 1 × kcli, which looks at names only", _ratios(again), _ratio(again, "kcli") <= 1,
        AGAIN, told(again))


MAKING = ("each definition is checked against libvirt's schema, each file stamped, recorded and "
          "synced to the disk, and all of it is looked at again at the end; the floor does none of "
          "that")
AGAIN = "most of it is the start of Python and the reading of the manifests"


def _ratio(took: dict[str, Took], other: str) -> float:
    return took["tinycloud"].seconds / took[other].seconds


def _ratios(took: dict[str, Took]) -> str:
    return ", ".join(f"{_ratio(took, name):.2f} × {name}" for name in took if name != "tinycloud")
