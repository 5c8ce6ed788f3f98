"""A plan as a file: made and looked at in one place, carried out in another, and only as it was.

The file has what the manifests said and what would be done, never a secret: where one comes from is
said in the same words as in a manifest. To carry it out everything is planned again on the host
from what is in the file, and must come to the same. Its form is ``schemas/savedplan.json``.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

import msgspec

from tiny_cloud import __version__, schema
from tiny_cloud.api import Planned, Wish, rebuild, require_holding
from tiny_cloud.document import Document
from tiny_cloud.errors import Failure, Span
from tiny_cloud.essence import essence
from tiny_cloud.host import secrets
from tiny_cloud.model import Cloud, Consents, ReclaimPolicy
from tiny_cloud.resource import Resource
from tiny_cloud.yaml12 import Path

FORMAT_VERSION = 1


def save(planned: Planned, file: FilePath) -> None:
    """Mode 0600, whole or not at all. Raises Failure if something else is there already."""
    file = FilePath(os.path.abspath(file))
    _require_replaceable(file)
    cloud = msgspec.to_builtins(planned.plan.cloud)
    del cloud["seed"]  # the host's own, and known there
    content = {
        "formatVersion": FORMAT_VERSION,
        "tinycloud": __version__,
        "cloud": cloud,
        "wish": msgspec.to_builtins(planned.wish),
        "documents": [_document(item) for item in planned.workspace.resources],
        "changes": essence(planned.plan),
    }
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as stream:
        try:
            json.dump(content, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
            os.rename(stream.name, file)
        except BaseException:
            os.unlink(stream.name)
            raise


def load(file: FilePath) -> Planned:
    """Planned again on the host. Raises Failure if the plan no longer fits, or is none."""
    content = _read(file)
    secrets.need_all(content["changes"])
    cloud = content["cloud"]
    policy = ReclaimPolicy(cloud["reclaim_policy"])
    workspace = rebuild(
        Cloud(**{**cloud, "reclaim_policy": policy}), [_rebuilt(d) for d in content["documents"]]
    )
    planned = workspace.plan(_wish(content["wish"]))
    require_holding(content["changes"], planned.plan, what="the saved plan")
    return planned


def _require_replaceable(file: FilePath) -> None:
    try:
        status = os.lstat(file)
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode) and _content(file) is not None:
        return
    raise Failure(f"{file} exists and is no saved plan: it is not overwritten", "name another file")


def _read(file: FilePath) -> Mapping[str, Any]:
    content = _content(file)
    if content is None:
        raise Failure(f"{file} is no saved plan", "tinycloud plan --out FILE makes one")
    if (content["formatVersion"], content["tinycloud"]) != (FORMAT_VERSION, __version__):
        made = f"tinycloud {content['tinycloud']}"
        raise Failure(f"{file} was made by {made}, and this is {__version__}", "plan again")
    if not schema.fits("savedplan", content):
        raise Failure(f"{file} is damaged", "plan again")
    return content


def _content(file: FilePath) -> Mapping[str, Any] | None:
    """What looks like a saved plan, of whatever version; None: it is none."""
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return None
    marks = {"formatVersion": int, "tinycloud": str}
    sane = isinstance(content, dict) and all(
        isinstance(content.get(key), form) for key, form in marks.items()
    )
    return content if sane else None


def _document(resource: Resource) -> Mapping[str, Any]:
    """The place without the line itself: a password may have been written there by mistake."""
    span = resource.span or Span("", 1, 1)
    return {
        "kind": resource.KIND,
        "metadata": schema.jsonable(resource.metadata),
        "spec": schema.jsonable(resource.spec),
        "source": {"file": span.file, "line": span.line, "column": span.column},
    }


def _rebuilt(document: Mapping[str, Any]) -> Document:
    name = document["metadata"]["name"]
    spans: dict[Path, Span] = {(): Span(**document["source"])}
    return Document(document["kind"], name, document["metadata"], document["spec"], spans)


def _wish(words: Mapping[str, Any]) -> Wish:
    consents = {name: tuple(globs) for name, globs in words["consents"].items()}
    return Wish(**{**words, "consents": Consents(**consents), "targets": tuple(words["targets"])})
