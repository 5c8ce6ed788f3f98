"""Environments as overlays: ``kustomize build | tinycloud apply -``.

``overlays/test.recorded.yaml`` is what Kustomize 5.5.0 (in kubectl 1.32) made of ``overlays/test``.
Where kustomize or kubectl is installed, it is asked again; Debian 12 has no package of its own.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

from tests.unit.cloud import context
from tiny_cloud.loader import load

FOLDER = Path(__file__).parent / "kustomize"
OVERLAY, RECORDED = FOLDER / "overlays" / "test", FOLDER / "overlays" / "test.recorded.yaml"


def built() -> str:
    for argv in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(argv[0]):
            return subprocess.run([*argv, str(OVERLAY)], check=True, capture_output=True,
                                  text=True).stdout
    return RECORDED.read_text()


def test_an_overlay_is_read_from_stdin() -> None:
    for text in (built(), RECORDED.read_text()):
        found = load(["-"], stdin=io.StringIO(text), context_of=context, root=True, machine_id="")
        assert found.cloud.name == "shop-test"
        machine = found.resources[-1]
        assert [str(item.address) for item in found.resources] == [
            "image/debian-12", "disk/web-0-root", "guest/web-0", "virtualmachine/web-0"]
        assert (machine.spec["cpus"], machine.spec["memory"]) == (1, "1GiB")
        assert machine.metadata["labels"] == {"environment": "test"}


def test_the_base_stands_alone_as_well() -> None:
    """Its folder holds a kustomization, which is no manifest: so a pattern names its files."""
    found = load([str(FOLDER / "base" / "[!k]*.yaml")], context_of=context, root=True,
                 machine_id="")
    assert [item.address.name for item in found.resources if item.KIND == "VirtualMachine"] == [
        "web-0", "web-1", "web-2", "web-3"]
