"""A disk gets another base, or becomes one: on a copy, proven equal, in its place at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.events import Amount
from tiny_cloud.facts import FileFacts
from tiny_cloud.host import digest, files, imports, qemu_img, records
from tiny_cloud.host.command import run
from tiny_cloud.host.qemu_lock import unwritten
from tiny_cloud.host.space import require_space
from tiny_cloud.images.keys import key_of
from tiny_cloud.model import Address
from tiny_cloud.steps import CommitDisk, Publish, RebaseDisk, Stamp

Say = Callable[[str], None]


def rebase(step: RebaseDisk, say: Say, pass_fds: Sequence[int] = ()) -> None:
    """Raises Failure if the disk is in use, would be cut off, or does not fit; it is then as it
    was, and so it is after a kill."""
    part, form = step.stamp.path, ("-f", step.format)
    with unwritten(step.path):
        _require_fit(step)
        require_space(part, _needed(step), f"the copy of {step.path}")
        qemu_img.remove(part)
        try:
            say("copies the disk")
            run(("cp", "--reflink=auto", "--sparse=always", "--", step.path, part),
                pass_fds=pass_fds)
            say("takes over what its base has otherwise")
            base = ("-b", step.backing, *(("-F", step.backing_format) if step.backing else ()))
            # -p prints progress; the safe mode is what is left when -u is not given.
            run(("qemu-img", "rebase", *form, *base, "--", part), pass_fds=pass_fds)
            say("compares")
            require_equal((step.path, step.format), (part, step.format), pass_fds)
            _exchange(step)
        except BaseException:
            qemu_img.remove(part)
            raise


def _require_fit(step: RebaseDisk) -> None:
    facts = qemu_img.info(step.path, step.format)
    if facts.snapshots:
        raise Failure(f"{step.path} has the snapshots {', '.join(facts.snapshots)}, which would "
                      "lose what they stand on", "delete them first: qemu-img snapshot -d")
    if step.backing:
        base = qemu_img.info(step.backing, step.backing_format).virtual_size
        if base > facts.virtual_size:
            raise Failure(f"{step.path} of {facts.virtual_size} bytes is smaller than "
                          f"{step.backing} of {base} bytes", f"ask for at least {base} bytes")


def _needed(step: RebaseDisk) -> int:
    """Bytes: a copy of what it has; one that is to stand alone has all that it shows, too."""
    if not step.backing:
        return imports.needed(step.path, step.format, foreign=False)
    return os.stat(step.path).st_blocks * 512


def require_equal(
    one: tuple[str, str], other: tuple[str, str], pass_fds: Sequence[int] = ()
) -> None:
    """Raises Failure unless two images, each with its format, show the same bytes."""
    (path, form), (second, its) = one, other
    run(("qemu-img", "compare", "-q", "-f", form, "-F", its, "--", path, second),
        pass_fds=pass_fds)


def _exchange(step: RebaseDisk) -> None:
    """The copy gets the disk's owner and mode, and its place (rename(2): there is never none)."""
    status = os.stat(step.path)
    part = os.open(step.stamp.path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fchown(part, status.st_uid, status.st_gid)
        os.fchmod(part, status.st_mode & 0o7777)
    finally:
        os.close(part)
    files.write_stamp(step.stamp)
    files.take_place(step.stamp.path, step.path)


def commit(
    step: CommitDisk, storage: Path, progress: Progress, pass_fds: Sequence[int] = ()
) -> None:
    """Raises Failure if the disk is in use or does not fit; the disk is only read."""
    with unwritten(step.path):
        needed = imports.needed(step.path, step.format, foreign=False)
        require_space(step.part, needed, f"the image of {step.path}")
        qemu_img.remove(step.part)
        try:
            size = qemu_img.info(step.path, step.format).virtual_size
            run(("qemu-img", "convert", "-p", "-f", step.format, "-O", "qcow2", "--",
                 step.path, step.part), pass_fds=pass_fds,
                progress=lambda done: progress("copies", Amount.part(done, size)))
            progress("compares", None)
            require_equal((step.path, step.format), (step.part, "qcow2"), pass_fds)
        except BaseException:
            qemu_img.remove(step.part)
            raise
    _publish(step, storage)


def _publish(step: CommitDisk, storage: Path) -> None:
    address, content = Address("image", step.name), digest.of_file(step.part, "sha256")
    final = f"{step.folder}/{step.name}-{key_of({'sha256': content})}.qcow2"
    there = files.facts([final]).get(final)
    if isinstance(there, FileFacts) and there.genuine and there.intact:
        qemu_img.remove(step.part)  # a commit that was killed had come this far
    else:
        files.write_stamp(Stamp(step.part, final, step.cloud, str(address), immutable=True))
        files.publish(Publish(step.part, final, 0o444))
    # Where it is to be had by its digest; on a web server it would be the same image.
    source = {"url": Path(final).as_uri(), "sha256": content}
    records.write(storage, address, {
        **step.record, "spec": {"source": source}, "fields": {"source": source["url"]},
        "key": key_of({"sha256": content}), "stem": step.name})
