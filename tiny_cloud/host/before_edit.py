"""The state of a disk before its guest is edited, kept until the edit is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tiny_cloud import luks
from tiny_cloud.errands.leftovers import BEFORE_EDIT
from tiny_cloud.host import command, qemu_img
from tiny_cloud.steps import EditGuest


def is_kept(step: EditGuest) -> bool:
    return step.format == "qcow2" and not step.disk.endswith(".part")


@contextmanager
def kept(step: EditGuest, key: str, pass_fds: Sequence[int] = ()) -> Iterator[None]:
    """What fails within is taken back, with a snapshot in the qcow2 itself (qemu-img(1)).

    A raw disk and a logical volume have no place for a second state: there, each of the guest's
    files is the old one or the new one, and no more is promised. One that a SIGKILL left over is
    no state to go back to, for the guest may have run since. A ``.part`` is begun again anyway.
    """
    if not is_kept(step):
        yield
        return
    # This command has no -f.
    opened = (*luks.KEY, *luks.opened(step.disk, step.format)) if key else (
        "--image-opts", luks.unkeyed(step.disk, step.format))

    def snapshot(action: str) -> None:
        command.run(("qemu-img", "snapshot", "-q", action, BEFORE_EDIT, *opened),
                    input=key.encode(), pass_fds=pass_fds)

    if BEFORE_EDIT in qemu_img.info(step.disk, step.format).snapshots:
        snapshot("-d")
    snapshot("-c")
    try:
        yield
    except BaseException:
        snapshot("-a")
        raise
    finally:
        snapshot("-d")
