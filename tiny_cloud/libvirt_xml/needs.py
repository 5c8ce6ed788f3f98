"""What the host must have for a machine that is to run: files of its kernel, huge pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.domain import aligned
from tiny_cloud.model import Unknown
from tiny_cloud.resource import Reader
from tiny_cloud.sizes import format_size, parse_size
from tiny_cloud.yaml12 import Path


def missing(spec: Mapping[str, Any], host: Reader) -> Iterator[tuple[Path, str, str]]:
    """The path of the field below ``spec``, what the host has not, and how it gets it."""
    if spec.get("running", True):
        yield from _files(spec.get("kernel", {}), host)
        yield from _pages(spec, host)


def _files(kernel: Mapping[str, Any], host: Reader) -> Iterator[tuple[Path, str, str]]:
    paths = {key: str(kernel[key]) for key in ("path", "initrd") if key in kernel}
    there = host.files(paths.values())
    for key, path in paths.items():
        facts = there.get(path)
        if facts is None:
            yield ("kernel", key), f"there is no file {path}", "ls /boot shows what is there"
        elif isinstance(facts, Unknown):
            yield ("kernel", key), f"{path} cannot be read: {facts.reason}", facts.hint


def _pages(spec: Mapping[str, Any], host: Reader) -> Iterator[tuple[Path, str, str]]:
    wanted = spec.get("hugepages", False)
    if wanted is False:
        return
    there = host.hugepages()
    sizes = list(there) if wanted is True else [parse_size(wanted["size"])]
    memory = aligned(parse_size(spec["memory"]))
    if any(there.get(size, 0) * size >= memory for size in sizes):
        return
    size = min(sizes, default=0)
    name, short = (format_size(size), -(-memory // size)) if size else ("any size", 0)
    yield (("hugepages",), f"this host has not {format_size(memory)} of huge pages of {name}",
           f"sysctl vm.nr_hugepages={short} sets pages of the usual size aside"
           if short else "this host's kernel has no huge pages")
