"""A person's first hour with tinycloud, typed into a real shell in a real terminal: each chapter is
a test, they go on from each other, and what is seen is in tests/screens/first-hour.

A new verb is a chapter more, at its place in the story.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.lab import TINYCLOUD, Lab, virsh
from tests.screens import compare
from tests.terminal import Terminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

NAME = "tcth-first-hour"
PROMPT = "hour$"
COLUMNS = 80
QUESTION = "[y/N]:"
IMAGE = """
    kind: Image
    metadata: {name: small}
    spec: {source: {path: ../small.raw}}
"""
WEB = """
    kind: VirtualMachine
    metadata: {name: web}
    spec:
      cpus: 1
      memory: 64MiB
      stopTimeout: 1
      disks:
        - {name: root, image: small, size: 64MiB}
        - {name: data, size: 1GiB}
"""
LARGER = (WEB.replace("cpus: 1", "cpus: 2").replace("memory: 64MiB", "memory: 96MiB")
          .replace("size: 1GiB", "size: 2GiB"))
HIDDEN = {
    rf"{NAME}-[0-9]+-\w+": NAME,
    r"small-[0-9a-f]{12}": "small-KEY",
    r"(?m) in( [0-9]+ (min|s)\b)+$": "",
}


@dataclass
class Hour:
    lab: Lab
    shell: Terminal
    request: pytest.FixtureRequest

    def __call__(self, chapter: str, command: str, *answers: str) -> str:
        """Type it, answer what it asks, and read what is there when the prompt is back."""
        before = len(self.shell.text)
        self.shell.type(f"{command}\n")
        for answer in answers:
            self.shell.wait_for(lambda screen: screen.rstrip().endswith(QUESTION))
            self.shell.type(f"{answer}\n")
        self.shell.wait_for(lambda screen: self._waits(before), timeout=120)
        shown = self.shell.text[before:].strip().removesuffix(PROMPT)
        compare(self.request, f"first-hour/{chapter}", f"$ {shown}", HIDDEN)
        return shown

    def _waits(self, before: int) -> bool:
        return self.shell.text[before:].rstrip().endswith(f"\n{PROMPT}")


@pytest.fixture(scope="module")
def session() -> Iterator[tuple[Lab, Terminal]]:
    lab = Lab.make(NAME)
    (lab.folder / "small.raw").write_bytes(b"tinycloud" * (1 << 16))
    path = f"{Path(TINYCLOUD).parent}:{os.environ['PATH']}"
    with Terminal(["bash", "--norc", "--noprofile"], columns=COLUMNS, lines=24, cwd=lab.folder,
                  env={"PS1": f"{PROMPT} ", "PATH": path}) as shell:
        shell.wait_for(PROMPT)
        yield lab, shell
    lab.clean()


@pytest.fixture
def hour(session: tuple[Lab, Terminal], request: pytest.FixtureRequest) -> Hour:
    return Hour(*session, request)


def test_mistakes_are_told_all_at_once(hour: Hour) -> None:
    hour.lab.write("small", IMAGE.replace("source:", "sauce:"))
    hour.lab.write("web", WEB.replace("64MiB\n", "64MB\n", 1).replace("cpus: 1", "cpus: one"))
    said = hour("mistakes", "tinycloud validate")
    assert said.count("manifests/") == 3 and "did you mean source?" in said


def test_they_are_mended(hour: Hour) -> None:
    hour.lab.write("small", IMAGE)
    hour.lab.write("web", WEB.replace("image: small", "image: smal"))
    assert "did you mean small?" in hour("another-mistake", "tinycloud validate")
    hour.lab.write("web", WEB)
    assert "valid" in hour("valid", "tinycloud validate")


def test_a_first_plan(hour: Hour) -> None:
    assert "4 to create" in hour("plan", "tinycloud plan")
    assert virsh("list", "--all", "--name").count(f"{NAME}-web") == 0


def test_a_first_apply(hour: Hour) -> None:
    hour("apply", "tinycloud apply --parallel 1", "y")
    assert f"{NAME}-web" in virsh("list", "--name").split()


def test_a_second_plan_is_empty(hour: Hour) -> None:
    assert "No changes" in hour("nothing-to-do", "tinycloud plan")


def test_a_change(hour: Hour) -> None:
    hour.lab.write("web", LARGER)
    assert "size: 1GiB → 2GiB" in hour("plan-of-a-change", "tinycloud plan")
    hour("no", "tinycloud apply", "n")
    assert "Done: " in hour("apply-the-change", "tinycloud apply", "y")


def test_what_waits_for_a_boot(hour: Hour) -> None:
    assert "--restart virtualmachine/web" in hour("waits", "tinycloud plan")
    hour("restart", "tinycloud apply --restart '*/web' --force-off '*/web'", "y")
    assert "No changes" in hour("nothing-waits", "tinycloud plan")


def test_data_is_not_lost_by_a_slip(hour: Hour) -> None:
    hour.lab.write("web", LARGER.replace("size: 2GiB", "size: 2GiB, format: raw"))
    assert "--replace disk/web-data" in hour("blocked", "tinycloud apply")


def test_the_end(hour: Hour) -> None:
    said = hour("destroy", "tinycloud destroy --force-off '*/web'", "y")
    assert "disk/web-data: kept" in said
    assert f"{NAME}-web" not in virsh("list", "--all", "--name").split()
