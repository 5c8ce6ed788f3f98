"""Make the seed that cloud-init reads: hashes for the passwords, a CD image, in its place at once.

xorriso makes it: it needs no root, and is cared for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tiny_cloud.cloudinit import Seed, rendered
from tiny_cloud.host import command, files, passwords
from tiny_cloud.host.guest import named
from tiny_cloud.host.scratch import scratch
from tiny_cloud.steps import MakeSeed

LABEL = "cidata"
"""By which NoCloud knows it."""


def make(
    step: MakeSeed, record: Mapping[str, Any], *, secret: Callable[[Mapping[str, Any]], str],
    pass_fds: Sequence[int] = (),
) -> Mapping[str, Any]:
    """What there is to remember: ``hashes``, ``identity`` and ``instance``.

    ``record`` is that of the last time: a hash in it is kept as long as it fits. Raises Failure.
    """
    hashes = _hashes(step, record.get("hashes", {}), secret)
    users = {name: {**{key: value for key, value in user.items() if key != "password"},
                    **({"hash": hashes[field]} if (field := f"users.{name}.password") in hashes
                       else {})}
             for name, user in step.settings.get("users", {}).items()}
    disk = step.identity or files.identity(step.disk)
    settings = {**step.settings, **({"users": users} if users else {})}
    seed = named(step.address, lambda: rendered(settings, disk))
    _write(step, seed, pass_fds)
    return {"hashes": hashes, "identity": disk, "instance": seed.instance_id}


def _hashes(
    step: MakeSeed, before: Mapping[str, str], secret: Callable[[Mapping[str, Any]], str]
) -> dict[str, str]:
    """By field. sha512: which system is on the disk is not known, and all understand that one."""
    users = step.settings.get("users", {})
    return {
        (field := f"users.{name}.password"): named(step.address, partial(
            passwords.hashed, name, user["password"], secret, before.get(field, ""), "sha512"))
        for name, user in users.items() if user.get("password") is not None
    }


def _write(step: MakeSeed, seed: Seed, pass_fds: Sequence[int]) -> None:
    """libvirt gives it to its qemu user at a start; nobody else may read the hashes."""
    part = Path(step.stamp.path)
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with scratch() as folder:
        for name, text in seed.files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        command.run(("xorriso", "-as", "mkisofs", "-quiet", "-volid", LABEL, "-joliet", "-rock",
                     "-o", str(part), folder), pass_fds=pass_fds)
    files.write_stamp(replace(step.stamp, extra={"instance": seed.instance_id}))
    files.take_place(step.stamp.path, step.stamp.final)
