"""What there is of a volume, in the words of its manifest. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tiny_cloud.facts import DiskUse, VolumeFacts
from tiny_cloud.model import Value
from tiny_cloud.naming import known
from tiny_cloud.resource import Resource


def fields(
    volume: Resource, facts: VolumeFacts, use: DiskUse | None, wanted: int | None, header: int
) -> Mapping[str, Value]:
    """``wanted``: what its declared size comes to; ``header``: bytes before what the guest sees."""
    size, said = facts.size, volume.desired()
    if use is not None and use.running and facts.type != "snapshot" and use.size:
        size = min(size, use.size + header)
    fits = "size" in said and wanted in (None, size)
    fields: dict[str, Value] = {
        "volumeGroup": facts.group,
        "size": said["size"] if fits else size,
        "type": facts.type,
    }
    if volume.external:
        return {**fields, "name": facts.name}
    if facts.stripes > 1:
        fields["stripes"] = facts.stripes
    if facts.pool and "snapshotOf" not in volume.spec:
        fields["thinPool"] = _named(volume, "thinPool", facts.pool)
    # What a thin snapshot was made of may be gone; what it was filled with shows nowhere.
    for field in ("snapshotOf", "image"):
        if field in said:
            fields[field] = known(volume)[1].get("fields", {}).get(field, said[field])
    if facts.origin and "snapshotOf" in said:
        fields["snapshotOf"] = _named(volume, "snapshotOf", facts.origin)
    return fields


def _named(volume: Resource, field: str, called: str) -> str:
    """The document that a volume of LVM's is to be; another goes by LVM's name."""
    link = volume.links.get(field)
    if link is None:
        return called
    outputs = link.provides()
    before = outputs["former_names"]
    assert isinstance(before, tuple)
    names = {outputs["volume"], *(str(path).rpartition("/")[2] for path in before)}
    return link.address.name if called in names else called
