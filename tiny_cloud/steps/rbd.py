"""Steps of Ceph's images (rbd(8)). An image is named POOL/IMAGE."""

from __future__ import annotations

import shlex

from tiny_cloud.ceph import Cluster
from tiny_cloud.steps.base import Step


class CreateRBDImage(Step, frozen=True):
    """Blank, or a clone of a snapshot and then as large as is said. What an apply that was cut off
    has left under the name goes to Ceph's trash."""

    cluster: Cluster
    image: str
    size: int | None
    """Bytes; None: that of the snapshot."""
    parent: tuple[str, ...]
    """Pool, image and snapshot; none: it is blank."""
    cloud: str
    address: str

    def shell(self) -> str:
        if not self.parent:
            return self.cluster.typed("create", "--size", f"{self.size}B", self.image)
        pool, image, snapshot = self.parent
        clone = self.cluster.typed("clone", f"{pool}/{image}@{snapshot}", self.image)
        if self.size is None:
            return clone
        return f"{clone}\n{self.cluster.typed('resize', '--size', f'{self.size}B', self.image)}"


class GrowRBDImage(Step, frozen=True):
    """While nobody uses it. One that has the size already is fine; none is ever made smaller."""

    cluster: Cluster
    image: str
    size: int
    """Bytes."""

    def shell(self) -> str:
        return self.cluster.typed("resize", "--size", f"{self.size}B", self.image)


class StampRBDImage(Step, frozen=True):
    """Mark an image as ours and finished: cloud, address and the very object (its ID)."""

    cluster: Cluster
    image: str
    cloud: str
    address: str

    def shell(self) -> str:
        return f"# mark {shlex.quote(self.image)} as {self.cloud} {self.address}, finished"


class RenameRBDImage(Step, frozen=True):
    """Never over another one."""

    cluster: Cluster
    image: str
    to: str

    def shell(self) -> str:
        return self.cluster.typed("rename", self.image, self.to)


class TrashRBDImage(Step, frozen=True):
    """Into Ceph's own trash; one that is not there is fine. Ceph refuses it while somebody has the
    image open."""

    cluster: Cluster
    image: str

    def shell(self) -> str:
        return self.cluster.typed("trash", "mv", self.image)
