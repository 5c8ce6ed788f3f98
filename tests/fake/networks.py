"""What libvirt does to a network's XML: it names bridges, and net-update changes a section."""

from __future__ import annotations

from lxml import etree

from tiny_cloud.steps import UpdateNetwork

PARENTS = {"ip-dhcp-range": "dhcp", "ip-dhcp-host": "dhcp", "dns-host": "dns",
           "forward-interface": "forward"}


def named(xml: str, bridge: str) -> str:
    root = etree.fromstring(xml)
    if root.find("bridge") is None:
        etree.SubElement(root, "bridge", name=bridge)
    return etree.tostring(root, encoding="unicode")


def updated(xml: str, step: UpdateNetwork) -> str:
    """As strict as libvirt: nothing is deleted that is not there, nothing added twice."""
    root, item = etree.fromstring(xml), etree.fromstring(step.xml)
    around = root
    if step.section.startswith("ip-"):
        around = root.findall("ip")[max(step.parent, 0)]
    parent = around.find(PARENTS[step.section])
    if parent is None:
        parent = etree.SubElement(around, PARENTS[step.section])
    keys = [key for key in ("start", "mac", "ip", "dev") if item.get(key)]
    same = [old for old in parent.findall(item.tag)
            if any(old.get(key) == item.get(key) for key in keys) or (
                step.command == "delete" and _names(old) & _names(item))]
    if step.command == "add":
        assert not same, f"{step.xml} is there already"
        parent.append(item)
    else:
        assert len(same) == 1, f"{step.xml} is there {len(same)} times"
        parent.remove(same[0])
    if step.section == "forward-interface":
        parent.attrib.pop("dev", "")
    return etree.tostring(root, encoding="unicode")


def _names(host: etree._Element) -> set[str | None]:
    """Of a name server's entry: libvirt takes two that share one for the same."""
    return {name.text for name in host.findall("hostname")}
