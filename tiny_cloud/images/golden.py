"""What is written into an image, and taken out of it, before it is published. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.guests import declared
from tiny_cloud.guests.sysprep import IDENTITY, OPERATIONS
from tiny_cloud.model import Value
from tiny_cloud.steps import PrepareImage, Step


def operations(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Of sysprep. What has settings has no identity either: it is no machine."""
    wanted = spec.get("sysprep", False)
    if wanted is True:
        return tuple(OPERATIONS)
    named = {*(wanted or ()), *(IDENTITY if wanted or spec.get("guest") else ())}
    return tuple(name for name in OPERATIONS if name in named)


def identity(spec: Mapping[str, Any], digest: declared.Digest) -> dict[str, Any]:
    """What it adds to an image's key: nothing to that of an image as it comes."""
    guest, taken = spec.get("guest"), operations(spec)
    return {**({"guest": declared.identity(guest, digest)} if guest else {}),
            **({"sysprep": list(taken)} if taken else {})}


def fields(spec: Mapping[str, Any]) -> dict[str, Value]:
    """For the plan: which settings, and which operations."""
    named = {"guest": tuple(sorted(spec.get("guest", {}))), "sysprep": operations(spec)}
    return {name: some for name, some in named.items() if some}


def written(address: str, spec: Mapping[str, Any], part: str) -> Iterator[Step]:
    taken = operations(spec)
    if taken:
        yield PrepareImage(address, part, "qcow2", spec.get("guest", {}), taken)
