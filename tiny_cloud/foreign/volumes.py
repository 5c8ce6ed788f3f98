"""Logical volumes as documents, from what ``lvs`` reports. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tiny_cloud.document import Document
from tiny_cloud.facts import VolumeFacts
from tiny_cloud.foreign import Found, names
from tiny_cloud.sizes import format_size

PLAIN = ("linear", "striped")
"""Types of volumes that stand by themselves."""


def found(
    facts: VolumeFacts, there: Mapping[str, VolumeFacts], cloud: str, taken: set[str]
) -> Found:
    """Its name is put into ``taken``. One that LVM does not call as we would, and one that others
    of its group stand on or that stands on them, is external: it is used and left alone."""
    prefix = "" if cloud == "default" else f"{cloud}-"
    name = names.valid(facts.name.removeprefix(prefix), taken)
    taken.add(name)
    mine = f"{prefix}{name}" == facts.name and facts.type in PLAIN and not any(
        facts.name == other.origin for other in there.values() if other.group == facts.group)
    spec: dict[str, object] = {} if mine else {"external": True, "name": facts.name}
    spec |= {"volumeGroup": facts.group, "size": format_size(facts.size)}
    if mine and facts.stripes > 1:
        spec["stripes"] = facts.stripes
    remark = (f"LVM calls it {facts.name} ({facts.type}): it is external, so it is used and never "
              "changed.")
    return Found(Document("LogicalVolume", name, {"name": name}, spec),
                 () if mine else (remark,), adopted=mine)
