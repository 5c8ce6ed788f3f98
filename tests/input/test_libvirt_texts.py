"""What libvirt is given it gives back as it was (goal 14); its test driver reads and writes domains
with the same code as qemu's does (libvirt.org/drvtest.html)."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import Any

import libvirt
import pytest
from lxml import etree

from tests.goals import seen
from tests.input.naughty import NAUGHTY
from tests.input.test_generated import load
from tests.unit.cloud import fake_host, plan_loaded
from tiny_cloud.errors import Problems
from tiny_cloud.steps import Define

FIELDS: dict[str, Any] = {
    "title": lambda text: {"title": text},
    "description": lambda text: {"description": text},
    "os/cmdline": lambda text: {"kernel": {"path": "/boot/vmlinuz", "cmdline": text}},
    "devices/disk/serial": lambda text: {"disks": [{"name": "a", "size": "1GiB", "serial": text}]},
}
"""What of a domain may be any text, by where it is in there; the rest has words of its own."""


def definition(spec: dict[str, Any]) -> str | None:
    """None: refused."""
    host = fake_host()
    whole = {"cpus": 1, "memory": "64MiB", "running": False, **spec}
    document = {"apiVersion": "tinycloud/v1", "kind": "VirtualMachine", "metadata": {"name": "a"},
                "spec": whole}
    try:
        plan = plan_loaded(host, load(json.dumps(document, ensure_ascii=False), host))
    except Problems:
        return None
    (define,) = [step for change in plan.changes for step in change.up if isinstance(step, Define)]
    return re.sub("<domain type=([\"'])[a-z]+", r"<domain type=\1test", define.xml)


@pytest.mark.goal(14)
@pytest.mark.parametrize("place", FIELDS)
def test_a_domain_has_the_very_text(place: str) -> None:
    tried = 0
    with closing(libvirt.open("test:///default")) as connection:
        for naughty in NAUGHTY:
            xml = definition(FIELDS[place](naughty))
            if xml is not None:
                domain = connection.defineXML(xml)
                assert etree.fromstring(domain.XMLDesc()).findtext(place) == naughty
                domain.undefine()
                tried += 1
    assert tried > 15
    seen(14, f"naughty texts through libvirt and back: {place}", tried)
