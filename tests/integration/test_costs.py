"""What a plan asks of a real host, counted: no process for each machine, and of libvirt a fixed
number of calls."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import libvirt
import pytest

import tiny_cloud
from tests.integration.lab import Lab

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MACHINE = """
    kind: VirtualMachine
    metadata: {{name: m{number}}}
    spec: {{cpus: 1, memory: 32MiB, running: false, disks: [{{name: root, image: base}}]}}
"""
FILES_EACH, CALLS_EACH = 4, 2
"""Of each machine and its disk: files that are opened, and questions to libvirt's daemon."""
LOCAL = ("virDomainFree", "virDomainGetName", "virDomainGetUUIDString")
"""What the library knows without asking it."""
heard: Counter[str] = Counter()


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("subprocess.Popen", "open"):
        heard[event] += 1


@contextmanager
def counted(patch: pytest.MonkeyPatch, machines: str) -> Iterator[Counter[str]]:
    """``machines``: how their domains' names begin; those of others come and go meanwhile."""
    found: Counter[str] = Counter()
    name_of = libvirt.libvirtmod.virDomainGetName

    def counting(name: str, call: Any) -> Any:
        def called(*arguments: Any) -> Any:
            if name.startswith("virConnect"):
                found["connection"] += 1
            elif name not in LOCAL and name_of(arguments[0]).startswith(machines):
                found["domain"] += 1
            return call(*arguments)

        return called

    with patch.context() as within:
        for name, call in list(vars(libvirt.libvirtmod).items()):
            if name.startswith(("virConnect", "virDomain")):
                within.setattr(libvirt.libvirtmod, name, counting(name, call))
        heard.clear()
        yield found
        found.update(heard)


def test_a_plan_asks_little_of_a_host(
    lab: Callable[[str], Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    sys.addaudithook(_heard)
    made = lab("tctcosts")
    image = made.folder / "base.qcow2"
    subprocess.run(("qemu-img", "create", "-q", "-f", "qcow2", image, "4M"), check=True)
    source = f"source: {{path: {image}}}"
    made.write("base", f"kind: Image\nmetadata: {{name: base}}\nspec: {{{source}}}")
    asked = []
    for machines in (3, 6):
        for number in range(machines):
            made.write(f"m{number}", MACHINE.format(number=number))
        made.apply()
        workspace = tiny_cloud.load(made.manifests)
        with counted(monkeypatch, made.domain("")) as found:
            assert not workspace.plan().plan.changes
        asked.append(found)
    few, more = asked
    assert few["subprocess.Popen"] == more["subprocess.Popen"] <= 1, asked
    # Snapshots of other tests' machines are asked of the connection too.
    assert more["connection"] - few["connection"] < 3 and more["connection"] <= 15, asked
    assert 0 < more["domain"] - few["domain"] <= 3 * CALLS_EACH, asked
    assert 0 < more["open"] - few["open"] <= 3 * FILES_EACH, asked
