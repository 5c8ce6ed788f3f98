"""XML that a user wrote, parsed without believing any of it, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from tiny_cloud.errors import Problem
from tiny_cloud.libvirt_xml.aliases import OURS
from tiny_cloud.libvirt_xml.elements import Element

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
"""Aliases that begin so are our names of devices (and, by libvirt's rule, all that users give)."""
FIELDS = {"name": "metadata.name", "uuid": "", "metadata": "", "memory": "memory",
          "currentMemory": "currentMemory", "maxMemory": "maxMemory", "vcpu": "cpus", "vcpus": "",
          "title": "title", "description": "description"}
"""Children of <domain> that no piece may touch, and the field that is for them."""
LISTS = ("devices", "devices/disk", "devices/interface")
"""What a piece may add to and never replace."""


def elements(text: str) -> list[Element]:
    """One element, or several of one name. Raises ValueError, in words, for anything else.

    No DTD, so no entities; nothing is fetched; lxml's own limits on depth and size hold."""
    if "<!" in text.replace("<!--", ""):
        raise ValueError("a document type or CDATA has no place in it")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False,
                             remove_comments=True, remove_pis=True, remove_blank_text=True)
    try:
        around = etree.fromstring(f'<piece xmlns:qemu="{QEMU}">{text}</piece>', parser)
    except etree.XMLSyntaxError as error:
        # Its column counts what we put around it.
        place = f" in its line {error.position[0]}" if "\n" in text.strip() else ""
        raise ValueError(str(error.msg).partition(", line ")[0] + place) from None
    found = list(around)
    if not found or (around.text or "").strip() or any((one.tail or "").strip() for one in found):
        raise ValueError("it must be an element")
    if len({one.tag for one in found}) > 1:
        raise ValueError("several elements in one piece must have one name")
    return found


def mistakes(item: Mapping[str, Any]) -> Problem | None:
    """What is wrong with a piece as it is declared; the place is the caller's to add."""
    try:
        found = elements(item["xml"])
    except ValueError as error:
        return Problem(f"this XML cannot be used: {error}", hint="for example <vsock "
                       "model='virtio'><cid auto='yes'/></vsock>")
    target, replaces = item["target"], item.get("operation", "append") == "replace"
    tag = str(found[0].tag).replace(f"{{{QEMU}}}", "qemu:")
    top = tag if target == "." else target.partition("/")[0]
    if top in FIELDS:
        hint = f"the field {FIELDS[top]} is for that" if FIELDS[top] else "leave it out"
        return Problem(f"a piece of XML cannot touch <{top}>", hint=hint)
    if replaces and (target == "." or target in LISTS):
        return Problem(f"{target} as a whole cannot be replaced", hint="use operation: append")
    if replaces and (tag != target.rpartition("/")[2] or len(found) > 1):
        return Problem(f"what replaces {target} must be one element of that name, not <{tag}>")
    aliases = (alias.get("name", "") for one in found for alias in one.iter("alias"))
    ours = next((name for name in aliases if name.startswith(OURS)), "")
    if ours:
        return Problem(f"an alias that begins with {OURS} would pass for ours: {ours}",
                       hint="leave the alias out")
    return None
