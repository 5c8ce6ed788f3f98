"""What of a definition no field says, as pieces for ``spec.xml``. Pure.

Left out is what libvirt and virt-install write into every machine: it stays as it is, and a new
machine gets it again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from lxml import etree

from tiny_cloud.foreign.specs import STAYS
from tiny_cloud.libvirt_xml.devices import AGENT
from tiny_cloud.libvirt_xml.elements import Element, attribute
from tiny_cloud.libvirt_xml.parts import fragments, graphics, snippet

TOP = frozenset({
    "cputune", "numatune", "blkiotune", "memtune", "sysinfo", "keywrap", "idmap", "launchSecurity",
    "throttlegroups", "resource", "seclabel", f"{{{snippet.QEMU}}}commandline",
    f"{{{snippet.QEMU}}}capabilities"})
"""Children of <domain> that no field is for."""
USUAL = {
    "features": frozenset({"acpi", "apic", "pae", "smm", "vmport"}),
    "os": frozenset({"type", "boot", "kernel", "initrd", "cmdline", "loader", "nvram", "firmware"}),
    "memoryBacking": frozenset({"hugepages"}),
    "devices": frozenset({"emulator", "controller", "memballoon", "audio", "video", "rng", "sound",
                          "watchdog", "panic", "tpm"}),
}
"""By parent, the children that fields are for, or that every machine has."""
LINE = 80
"""Characters; longer XML is spread over several lines."""

Piece = dict[str, Any]


def pieces(root: Element, said: Collection[Element]) -> tuple[list[Piece], list[str]]:
    """``said``: the devices that have names. The remarks name what cannot be written so."""
    found: list[Piece] = []
    left: list[str] = []
    for target, group in _groups(root, said):
        piece = {"target": target, "xml": _text(group)}
        if snippet.mistakes(piece) is None and fragments.present(root, {"xml": [piece]}, {}):
            found.append(piece)
        else:
            left.append(f"<{etree.QName(group[0]).localname}> in {target}: {STAYS}.")
    return found, left


def _groups(root: Element, said: Collection[Element]) -> Iterator[tuple[str, list[Element]]]:
    """Elements of one place and name; together where all of that name are unsaid, so that equal
    ones count."""
    for element in root:
        if element.tag in TOP:
            yield ".", [element]
    for target, usual in USUAL.items():
        for parent in root.findall(target):
            unsaid = [item for item in parent if _is_unsaid(item, usual, said)]
            for tag in dict.fromkeys(item.tag for item in unsaid):
                group = [item for item in unsaid if item.tag == tag]
                together = len(group) == len(parent.findall(str(tag)))
                yield from [(target, group)] if together else ((target, [one]) for one in group)


def _is_unsaid(item: Element, usual: Collection[str], said: Collection[Element]) -> bool:
    if not isinstance(item.tag, str) or item.tag in usual or item in said:
        return False
    match item.tag:
        case "input":
            return item.get("bus") != "ps2"
        case "graphics":
            return item.get("type") not in graphics.TYPES
        case "serial":
            return item.get("type") != "pty"
        case "console":
            return attribute(item, "target", "type") != "serial"
        case "channel":
            return attribute(item, "target", "name") != AGENT
        case "source" | "access":
            # Of <memoryBacking>: what virtiofs needs comes with that.
            return False
    return True


def _text(group: list[Element]) -> str:
    """As a person would write it: without addresses and aliases, which libvirt gives out."""
    texts = []
    for element in group:
        plain = etree.fromstring(etree.tostring(element, with_tail=False),
                                 etree.XMLParser(remove_blank_text=True, remove_comments=True))
        for tag in ("address", "alias"):
            for item in plain.findall(tag):
                plain.remove(item)
        short = _shown(plain)
        if len(short) > LINE:
            etree.indent(plain)
        texts.append(_shown(plain))
    return "\n".join(texts)


def _shown(element: Element) -> str:
    return etree.tostring(element, encoding="unicode").replace(f' xmlns:qemu="{snippet.QEMU}"', "")
