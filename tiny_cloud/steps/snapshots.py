"""Steps that take, revert and delete snapshots of whole machines."""

from __future__ import annotations

import shlex

from tiny_cloud.steps.base import Step


class CreateSnapshot(Step, frozen=True):
    """All disks of a machine at one moment. libvirt makes it whole or not at all."""

    domain: str
    name: str
    xml: str
    """libvirt's domainsnapshot."""
    external: bool = False
    """The disks alone; else also what a running machine has in its memory."""
    live: bool = False
    freeze: bool = False
    """Its guest agent is asked to freeze the file systems meanwhile."""

    def shell(self) -> str:
        flags = ["--disk-only", "--atomic"] if self.external else []
        quiesce = ["--quiesce"] if self.freeze else []
        command = shlex.join(["virsh", "snapshot-create", self.domain, "/dev/stdin", *flags,
                              *quiesce])
        return f"{command} <<'EOF'\n{self.xml.rstrip()}\nEOF"


class RevertToSnapshot(Step, frozen=True):
    """To an internal one: disks, definition, and whether it ran are as they were then."""

    domain: str
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "snapshot-revert", self.domain, self.name])


class DeleteSnapshot(Step, frozen=True):
    """One that is not there any more is fine."""

    domain: str
    name: str
    metadata: bool
    """libvirt forgets it, and nothing else: its overlays were merged before."""

    def shell(self) -> str:
        only = ["--metadata"] if self.metadata else []
        return shlex.join(["virsh", "snapshot-delete", self.domain, self.name, *only])


class CommitOverlay(Step, frozen=True):
    """Merge what a running machine has written since a snapshot into the disk below, and let it go
    on there. A merge that runs already is waited for."""

    domain: str
    target: str
    """The disk's: ``vda``."""
    below: str

    def shell(self) -> str:
        return shlex.join(["virsh", "blockcommit", self.domain, self.target, "--base", self.below,
                           "--active", "--pivot", "--wait"])
