"""Images that sandboxes share: each is made once, and machines borrow it from where it lies."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import tiny_cloud
from tiny_cloud.document import API_VERSION
from tiny_cloud.sandbox.work import carry_out

CLOUD = "sandbox-images"
"""One for all that share a folder; it has files alone, and nothing of libvirt's."""
BUILD = 3600.0
"""Seconds to wait for another process that makes the same image."""


Image: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]
"""The path of a file, or the ``spec`` of an Image."""


def made(image: Image, shared: Path, connect: str) -> dict[str, Any]:
    """The ``spec`` of an external Image. Raises Problems, Failure."""
    spec = spec_of(image)
    if spec.get("external"):
        return spec
    shared.mkdir(exist_ok=True)
    shared.chmod(0o711)
    documents = [document("Image", name_of(image), spec), document("Cloud", CLOUD, {})]
    workspace = tiny_cloud.load(documents=documents, connect=connect, storage=str(shared))
    carry_out(workspace.plan(), BUILD)
    (resource,) = workspace.resources
    there = resource.provides()
    return {"external": True, "path": there["path"], "format": there["format"]}


def document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def spec_of(image: Image) -> dict[str, Any]:
    if isinstance(image, Mapping):
        return dict(image)
    return {"source": {"path": os.path.abspath(image)}}


def name_of(image: Image) -> str:
    """The same for the same."""
    text = json.dumps(spec_of(image), sort_keys=True, default=os.fspath)
    return f"image-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
