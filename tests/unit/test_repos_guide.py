"""What docs/repos.md shows is right."""

import re
from pathlib import Path

from tests.unit.cloud import IMAGE, load
from tests.unit.conftest import Run
from tests.unit.test_replicas import NET

ROOT = Path(__file__).parents[2]
OVERLAY, MACHINE, DISK = re.findall(r"```yaml.*?\n(.*?)```", (ROOT / "docs/repos.md").read_text(),
                                    re.DOTALL)


def test_the_overlay_is_the_one_that_is_tested() -> None:
    tested = ROOT / "tests/repo/kustomize/overlays/test/kustomization.yaml"
    assert OVERLAY.split("\n") == tested.read_text().split("\n")[1:]


def test_the_machines_are() -> None:
    documents = (IMAGE.replace("debian", "debian-12"), NET.replace("inner", "lab"),
                 MACHINE.removeprefix("apiVersion: tinycloud/v1\n"))
    names = [str(item.address) for item in load(*documents).resources]
    assert {"virtualmachine/web-0", "virtualmachine/web-2", "disk/web-1-root"} <= {*names}


def test_what_it_shows_is_in_the_usual_form(run: Run) -> None:
    for number, text in enumerate((MACHINE, DISK)):
        Path(f"{number}.yaml").write_text(text)
    assert run("fmt", "--check", ".") == (0, "", "")
    assert run("validate", "1.yaml")[0] == 0
