"""Every field of an Image and of the Cloud: what another value makes of what is there.

An Image is never altered: another source is another file beside the old one, and whatever says the
same of the content is the same file. The rows are those of docs/fields.md. External images are in
test_ownership.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab import Lab, digest
from tests.integration.test_image_sources import make, serving
from tiny_cloud.schema.table import rows

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

EXTERNAL = {"external", "path", "format"}
BESIDE = {"compression", "sysprep", "guest"}
"""Beside the source, and part of what the file is called by."""
GROUPS = {"source", "source.debootstrap", "defaults"}
BUILT: dict[str, tuple[Any, Any]] = {
    "suite": ("bookworm", "trixie"),
    "packages": (["sudo"], ["sudo", "vim"]),
    "mirror": ("http://one.test/debian", "http://two.test/debian"),
    "size": ("2GiB", "3GiB"),
}
READY: dict[str, tuple[Any, Any]] = {
    "sysprep": (["logfiles"], True),
    "guest": ({"timezone": "Etc/UTC"}, {"timezone": "Etc/GMT-3"}),
}
"""Only planned here; what each setting makes of a guest is in test_matrix_guest.py."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab.make("tctmimage")
    yield made
    made.clean()


@pytest.fixture(scope="module")
def sources(lab: Lab) -> Iterator[dict[str, tuple[dict[str, str], dict[str, str]]]]:
    """By the row's last word: two sources that differ in it, and in nothing else that can stay."""
    folder = lab.folder / "www"
    folder.mkdir()
    one, two = (make(folder / f"{name}.qcow2", "qcow2") for name in ("one", "two"))
    for name in ("a", "b"):
        (folder / f"{name}.sums").write_text(f"{digest(one)}  one.qcow2\n")
    by = {file: {name: digest(file, name) for name in ("sha256", "sha512")} for file in (one, two)}
    with serving(folder) as url:
        yield {
            "path": ({"path": str(one)}, {"path": str(two)}),
            "url": ({"url": f"{url}/one.qcow2", "sha256": by[one]["sha256"]},
                    {"url": f"{url}/two.qcow2", "sha256": by[two]["sha256"]}),
            "sha256": ({"url": f"file://{one}", "sha256": by[one]["sha256"]},
                       {"url": f"file://{two}", "sha256": by[two]["sha256"]}),
            "sha512": ({"url": f"file://{one}", "sha512": by[one]["sha512"]},
                       {"url": f"file://{two}", "sha512": by[two]["sha512"]}),
            "sums": ({"url": f"{url}/one.qcow2", "sums": f"{url}/a.sums"},
                     {"url": f"{url}/one.qcow2", "sums": f"{url}/b.sums"}),
            "format": ({"path": str(one), "format": "qcow2"}, {"path": str(one)}),
            "compression": ({"path": str(one)}, {"path": str(one), "compression": "zstd"}),
        }


def declare(lab: Lab, sources: dict[str, Any]) -> None:
    documents = [{"apiVersion": "tinycloud/v1", "kind": "Image", "metadata": {"name": name},
                  "spec": {key: source[key] for key in BESIDE & source.keys()} | {
                      "source": {key: it for key, it in source.items() if key not in BESIDE}}}
                 for name, source in sources.items()]
    (lab.manifests / "images.yaml").write_text(yaml.safe_dump_all(documents))


def changes(lab: Lab) -> dict[str, Any]:
    return {address: change for address, change in lab.plan().items() if address != "notes"}


def files(lab: Lab, name: str) -> list[Path]:
    return sorted((lab.storage / "images").glob(f"{name}-*.qcow2"))


def test_every_field_has_a_case(sources: dict[str, Any]) -> None:
    cases = {name if name in BESIDE else f"source.{name}" for name in sources}
    cases |= {f"source.debootstrap.{name}" for name in BUILT} | READY.keys() - {"guest"}
    known = cases | EXTERNAL | GROUPS | {"reclaimPolicy"}
    declared = {row.field for row in rows("Image")}
    assert {field for field in declared if not field.startswith("guest")} == known - {"defaults"}
    assert {row.field for row in rows("Cloud")} - GROUPS == {
        "connect", "storage", "reclaimPolicy", "defaults.accel"}


def test_another_source_is_another_file(lab: Lab, sources: dict[str, Any]) -> None:
    declare(lab, {name: one for name, (one, _) in sources.items()})
    lab.apply()
    lab.assert_settled()
    before = {name: files(lab, name) for name in sources}
    declare(lab, {name: two for name, (_, two) in sources.items()})
    # What a file is can be said in more words or in fewer: its content has not changed.
    assert {address: change["action"] for address, change in changes(lab).items()} == {
        f"image/{name}": "create" for name in sources if name != "format"}
    lab.apply()
    lab.assert_settled()
    for name in sources:
        assert len(files(lab, name)) == (1 if name == "format" else 2)
        assert set(before[name]) <= set(files(lab, name))


def test_a_policy_is_written_down(lab: Lab, sources: dict[str, Any]) -> None:
    for policy, field in (("Delete", {"old": "Retain", "new": "Delete", "impact": "none"}),
                          ("Retain", {"old": "Delete", "new": "Retain", "impact": "none"})):
        lab.write("cloud", f"""
            kind: Cloud
            metadata: {{name: {lab.name}}}
            spec: {{connect: "qemu:///system", storage: {lab.storage}, reclaimPolicy: {policy}}}
        """)
        said = [f for change in changes(lab).values() for f in change["fields"]]
        assert said == [{"field": "reclaimPolicy", **field}] * len(sources)
        lab.apply()
        lab.assert_settled()


def test_another_recipe_is_another_image(lab: Lab) -> None:
    """Only planned: to build one takes a minute (test_debootstrap.py)."""
    recipe = {name: values[0] for name, values in BUILT.items()}
    ready = {name: values[0] for name, values in READY.items()}
    parts = {key(lab, {"debootstrap": recipe, **ready})}
    for name, (_, other) in BUILT.items():
        parts.add(key(lab, {"debootstrap": {**recipe, name: other}, **ready}))
    for name, (_, other) in READY.items():
        parts.add(key(lab, {"debootstrap": recipe, **ready, name: other}))
    assert len(parts) == 1 + len(BUILT) + len(READY)


def key(lab: Lab, source: Any) -> str:
    """What the file of an image with this source would be called."""
    declare(lab, {"built": source})
    commands = " ".join(lab.plan()["image/built"]["commands"])
    found = re.search(r"built-([0-9a-f]{12})\.qcow2", commands)
    assert found
    return found[1]


def test_the_cloud_says_where_and_how(lab: Lab) -> None:
    """Its fields change nothing that is there: they say where to look, and what new ones are."""
    declare(lab, {})
    machine = "kind: VirtualMachine\nmetadata: {name: m}\nspec: {cpus: 1, memory: 32MiB}"
    lab.write("machine", machine)
    for accel in ("tcg", "kvm"):
        lab.write("cloud", f"""
            kind: Cloud
            metadata: {{name: {lab.name}}}
            spec: {{storage: {lab.storage}, defaults: {{accel: {accel}}}}}
        """)
        (found,) = (f["new"] for f in lab.plan()["virtualmachine/m"]["fields"]
                    if f["field"] == "accel")
        assert found == accel
    lab.write("cloud", f"""
        kind: Cloud
        metadata: {{name: {lab.name}}}
        spec: {{connect: "qemu:///system", storage: {lab.folder / "elsewhere"}}}
    """)
    # There the cloud owns nothing yet: the images in the other folder are none of its.
    plan = lab.plan()
    assert set(plan) == {"virtualmachine/m", "notes"} and plan["notes"] == []
