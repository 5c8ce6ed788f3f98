"""Snapshots of domains (https://libvirt.org/html/libvirt-libvirt-domain-snapshot.html)."""

from __future__ import annotations

import time
from typing import Any

from tiny_cloud.apply.workers import Progress
from tiny_cloud.events import Amount
from tiny_cloud.host.libvirt_connection import ignoring, libvirt
from tiny_cloud.steps import CreateSnapshot

POLL = 0.1
"""Seconds between looks at a merge."""


def create(domain: Any, step: CreateSnapshot) -> None:
    flags = 0
    if step.external:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
    if step.freeze:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
    domain.snapshotCreateXML(step.xml, flags)


def revert(domain: Any, name: str) -> None:
    domain.revertToSnapshot(domain.snapshotLookupByName(name))


def delete(domain: Any, name: str, *, metadata: bool) -> None:
    flags = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY if metadata else 0
    with ignoring(libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT):
        domain.snapshotLookupByName(name).delete(flags)


def commit(domain: Any, target: str, below: str, progress: Progress) -> None:
    """Until the machine writes to ``below`` itself. What is cut off goes on in qemu, and is taken
    up here again."""
    if not domain.blockJobInfo(target):
        domain.blockCommit(target, below, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
    while job := domain.blockJobInfo(target):
        if job["cur"] == job["end"] and _pivots(domain, target):
            return
        progress("merges", Amount(job["cur"], job["end"]))
        time.sleep(POLL)


def _pivots(domain: Any, target: str) -> bool:
    """Also with nothing left to copy a job is not ready at once: libvirt refuses until it is."""
    with ignoring(libvirt.VIR_ERR_BLOCK_COPY_ACTIVE, libvirt.VIR_ERR_OPERATION_INVALID):
        domain.blockJobAbort(target, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        return True
    return False
