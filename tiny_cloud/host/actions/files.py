"""Files, records and plain commands."""

from __future__ import annotations

from pathlib import Path

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import command, files, records, secrets
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.host.qemu_lock import require_unused
from tiny_cloud.model import Address


@do.register(steps.Run)
def _(step: steps.Run, host: Hands, progress: Progress) -> None:
    if step.argv[0] == "qemu-img":
        # Its own lock lets other tools of qemu's write to the same raw disk (blk_new_open).
        for word in step.argv:
            path = word.rpartition("file.filename=")[2]
            if path.startswith("/"):
                require_unused(path.replace(",,", ","))
    command.run(step.argv, input=secrets.told(step.secret).encode(), pass_fds=(host.lock,))


@do.register(steps.MakeFolder)
def _(step: steps.MakeFolder, host: Hands, progress: Progress) -> None:
    files.make_folder(step)


@do.register(steps.Stamp)
def _(step: steps.Stamp, host: Hands, progress: Progress) -> None:
    files.write_stamp(step)


@do.register(steps.Publish)
def _(step: steps.Publish, host: Hands, progress: Progress) -> None:
    files.publish(step)


@do.register(steps.Rename)
def _(step: steps.Rename, host: Hands, progress: Progress) -> None:
    files.rename(step)


@do.register(steps.Trash)
def _(step: steps.Trash, host: Hands, progress: Progress) -> None:
    files.move_to_trash(step)


@do.register(steps.Remove)
def _(step: steps.Remove, host: Hands, progress: Progress) -> None:
    Path(step.path).unlink(missing_ok=True)


@do.register(steps.WriteRecord)
def _(step: steps.WriteRecord, host: Hands, progress: Progress) -> None:
    records.write(host.storage, Address.parse(step.address), step.record)


@do.register(steps.MoveRecord)
def _(step: steps.MoveRecord, host: Hands, progress: Progress) -> None:
    old, new = Address.parse(step.address), Address.parse(step.to)
    records.move(host.storage, old, new, step.changes)


@do.register(steps.DropRecord)
def _(step: steps.DropRecord, host: Hands, progress: Progress) -> None:
    records.drop(host.storage, Address.parse(step.address))
