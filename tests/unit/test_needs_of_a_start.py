"""What a host must have is asked for before anything is done, and only for machines that run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake.host import FakeFile
from tests.unit.cloud import fake_host
from tiny_cloud import needs
from tiny_cloud.facts import ImageFacts

HUGE = {"memory": "64MiB", "hugepages": True}


def missing(spec: dict[str, Any], pages: dict[int, int]) -> list[str]:
    host = fake_host()
    host.pages = pages
    host.file["/boot/vmlinuz"] = FakeFile(1, ImageFacts("raw", 1, 1))
    return [f"{'.'.join(map(str, path))}: {summary} ({hint})"
            for path, summary, hint in needs.lacks(spec, host)]


@pytest.mark.parametrize(("spec", "pages", "says"), [
    (HUGE, {2 << 20: 32}, None),
    (HUGE, {2 << 20: 0, 1 << 30: 1}, None),
    (HUGE, {2 << 20: 31}, "hugepages: this host has not 64MiB of huge pages of 2MiB "
                          "(sysctl vm.nr_hugepages=32"),
    (HUGE, {}, "this host's kernel has no huge pages"),
    ({**HUGE, "hugepages": {"size": "1GiB"}}, {2 << 20: 64, 1 << 30: 0}, "huge pages of 1GiB"),
    ({**HUGE, "running": False}, {}, None),
    ({**HUGE, "hugepages": False}, {}, None),
    ({"kernel": {"path": "/boot/vmlinuz"}}, {}, None),
    ({"kernel": {"path": "/boot/vmlinuz", "initrd": "/boot/i"}}, {},
     "kernel.initrd: there is no file /boot/i"),
])
def test_what_is_missing(spec: dict[str, Any], pages: dict[int, int], says: str | None) -> None:
    found = missing(spec, pages)
    assert (not found) if says is None else (len(found) == 1 and says in found[0])
