"""What a take-over makes of a definition: what it adds is known, and it takes nothing away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import repeat

from lxml import etree

PERMITTED = [
    # Whose it is.
    r"/metadata\[0\]",
    r"/metadata\[0\]/\{urn:tinycloud:v1\}stamp\[0\](/@(cloud|address|uuid)=.*)?",
    # Our names for what is declared; guest and qemu do not see the difference before the next boot.
    r"/devices\[0\]/\w+\[\d+\]/alias\[0\](/@name=ua-.*)?",
    # A screen of which a manifest does not say otherwise listens on loopback: said, not left open.
    r"/devices\[0\]/graphics\[\d+\](/listen\[0\])?/@(address|listen)=127\.0\.0\.1",
    # That there is no graphics card is said: libvirt would add one together with a screen.
    r"/devices\[0\]/video\[0\](/model\[0\](/@type=none)?)?",
    # The chain of a disk is spelled out, or libvirt would give the base to its qemu user for good.
    r"/devices\[0\]/disk\[\d+\](/backingStore\[0\])+"
    r"(/@type=file|/(format|source)\[0\](/@(type|file)=.*)?|/source\[0\]/seclabel\[0\](/@.*)?)?",
]
"""What a take-over adds, and why. It takes nothing away."""


def differences(before: str, after: str) -> list[str]:
    """Of two definitions, beside those that are permitted; ``-`` lost, ``+`` come."""
    old, new = (Counter(lines(etree.fromstring(xml))) for xml in (before, after))
    came = [line for line in (new - old).elements()
            if not any(map(re.fullmatch, PERMITTED, repeat(line)))]
    return [f"- {line}" for line in (old - new).elements()] + [f"+ {line}" for line in came]


def lines(element: etree._Element, above: str = "") -> Iterator[str]:
    """Every element, attribute and text with its path, and its place among its siblings."""
    for attribute, value in element.attrib.items():
        yield f"{above}/@{attribute}={value}"
    if text := (element.text or "").strip():
        yield f"{above}={text}"
    numbers: Counter[str] = Counter()
    for item in element:
        tag = str(item.tag)
        if tag == "controller":
            # libvirt puts them into another order each time.
            tag = "-".join(item.get(word, "") for word in ("type", "model", "index"))
        path = f"{above}/{tag}[{numbers[tag]}]"
        numbers[tag] += 1
        yield path
        yield from lines(item, path)
