"""How a new disk's file is laid out: qemu-img's creation options (qemu-img(1), "-o"). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Problem
from tiny_cloud.model import State, Value
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import parse_size

NAMES = {"preallocation": "preallocation", "clusterSize": "cluster_size",
         "lazyRefcounts": "lazy_refcounts", "extendedL2": "extended_l2"}
"""The manifest's words in qemu's."""
SMALLEST, LARGEST = 512, 2 << 20
SMALLEST_EXTENDED = 16 << 10
"""Bytes of a cluster (qcow2_validate_options and qcow2_co_create in block/qcow2.c)."""
TAKEN_AT_ONCE = ("falloc", "full")
"""Kinds of preallocation that take the whole size from the file system."""


def of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """What is declared, as words for ``-o``."""
    values = {**spec, "clusterSize": parse_size(spec.get("clusterSize", 0)) or None}
    return tuple(f"{word}={_word(values[name])}" for name, word in NAMES.items()
                 if values.get(name) is not None)


def _word(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def seen(told: State, declared: State | None) -> dict[str, Value]:
    """What an image says of itself, and what only we remember of how it was made."""
    known = (declared or {}).get("preallocation")
    return {**told, **({"preallocation": known} if known is not None else {})}


def faults(disk: Resource) -> Iterator[Problem]:
    """Sizes of clusters that no qcow2 has."""
    if "clusterSize" not in disk.spec:
        return
    size = parse_size(disk.spec["clusterSize"])
    path = ("spec", "clusterSize")
    if size & (size - 1) or not SMALLEST <= size <= LARGEST:
        yield from disk.refuse(path, f"{disk.address} cannot have clusters of {size} bytes",
                               "a cluster is a power of two from 512 bytes to 2MiB").problems
    elif disk.spec.get("extendedL2") and size < SMALLEST_EXTENDED:
        yield from disk.refuse(path, f"{disk.address} has extendedL2, which takes larger clusters",
                               "write clusterSize: 16KiB or more, or leave extendedL2 out").problems
