"""A manifest as a page shows it, made whole: pages leave out what does not matter there."""

from __future__ import annotations

import textwrap
from pathlib import Path

import yaml

import tiny_cloud

HEAD = "apiVersion: tinycloud/v1\n"
MACHINE = """\
kind: VirtualMachine
metadata: {name: part}
spec:
  cpus: 1
  memory: 1GiB
"""
"""A block that names no kind is a part of this, and of what else a machine has."""
REST = {
    "disks": "[{name: root, image: debian-12, size: 10GiB}]",
    "guest": "{hostname: part}",
}
ELSEWHERE = {
    ("Image", "debian-12"): "spec: {source: {debootstrap: {suite: bookworm}}}",
    ("Network", "lab"): "spec: {subnet: 10.44.0.0/24}",
}
"""What pages refer to without showing it again."""


def whole(text: str) -> str:
    """All documents of a block, each with what it left out."""
    first = yaml.safe_load(text.split("\n---\n")[0])
    if "kind" not in first:
        text += "".join(f"{field}: {said}\n" for field, said in REST.items() if field not in first)
        text = MACHINE + textwrap.indent(text, "  ")
    documents = [document if "apiVersion:" in document else HEAD + document
                 for document in text.split("\n---\n")]
    shown = {(said["kind"], said["metadata"]["name"]) for said in map(yaml.safe_load, documents)}
    documents += [f"{HEAD}kind: {kind}\nmetadata: {{name: {name}}}\n{spec}"
                  for (kind, name), spec in ELSEWHERE.items()
                  if (kind, name) not in shown and f" {name}" in text]
    return "\n---\n".join(documents)


def validate(text: str, folder: Path) -> None:
    """Raises tiny_cloud.errors.Problems."""
    file = folder / "shown.yaml"
    file.write_text(whole(text))
    tiny_cloud.load(str(file))
