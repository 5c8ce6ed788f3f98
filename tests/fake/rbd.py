"""What Ceph makes of what it is told, for the host in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tiny_cloud import steps
from tiny_cloud.facts import RBDFacts
from tiny_cloud.libvirt_xml import disk_paths

if TYPE_CHECKING:
    from tests.fake.host import FakeHost

Images = dict[str, RBDFacts]


def created(step: steps.CreateRBDImage, images: Images, number: int) -> RBDFacts:
    """A clone has the metadata of what it is cloned from."""
    if not step.parent:
        assert step.size is not None
        return RBDFacts(f"id-{number}", step.size)
    pool, image, snapshot = step.parent
    parent = images[f"{pool}/{image}"]
    size = step.size or parent.snapshots[snapshot]
    return RBDFacts(f"id-{number}", size, step.parent, metadata=parent.metadata)


def place_of(url: str) -> str:
    """POOL/IMAGE of rbd://MONITORS/POOL/IMAGE."""
    return url.removeprefix("rbd://").partition("/")[2]


def grown(images: Images, place: str, size: int) -> None:
    assert size >= images[place].size
    images[place] = replace(images[place], size=size)


def disk_at(host: FakeHost, step: steps.BlockResize) -> str:
    """libvirt takes a path or a target; of what a server has, a target alone."""
    targets = {target: path for path, target in disk_paths(host.domain[step.domain].live_xml)}
    assert not step.path.startswith("rbd:"), step.path
    return targets.get(step.path, step.path)
