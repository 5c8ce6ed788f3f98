"""What ``lvcreate`` and LUKS make of what they are told, for the host in memory."""

from __future__ import annotations

from collections.abc import Mapping

from tiny_cloud import steps
from tiny_cloud.facts import GroupFacts, ImageFacts, VolumeFacts
from tiny_cloud.volumes import extents, tags


def made(
    step: steps.CreateVolume, volumes: Mapping[str, VolumeFacts], groups: Mapping[str, GroupFacts],
    number: int, cloud: str,
) -> VolumeFacts:
    left = volumes.get(step.path)
    assert left is None or tags.is_left_over(left, cloud), f"{step.path} is there"
    _, _, group, name = step.path.split("/")
    origin = volumes[f"/dev/{group}/{step.origin}"] if step.origin else None
    if step.pool:
        assert volumes[f"/dev/{group}/{step.pool}"].type == "thin-pool"
    size = extents.wanted(step.size, groups[group])
    if size is None:
        size = origin.size if origin else groups[group].free * groups[group].extent_size
    return VolumeFacts(
        group, name, f"uuid-{number}", size, step.type, step.stripes or 1,
        step.pool or (origin.pool if origin else ""), step.origin,
        origin.size if origin else 0, frozenset(step.tags))


HEADER = 4040 * 512


def decrypted(facts: VolumeFacts, luks: Mapping[str, str]) -> ImageFacts:
    """What qemu-img says of one that is behind a LUKS header."""
    return ImageFacts("luks", facts.virtual_size - HEADER, facts.size, encryption="luks",
                      volume=luks[facts.uuid])
