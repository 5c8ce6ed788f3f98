"""Carry out an ExtractKernel step: look into an image, choose the newest kernel, copy it out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tiny_cloud.errors import Failure
from tiny_cloud.guests.kernels import newest
from tiny_cloud.host import files, guest
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.host.space import require_space
from tiny_cloud.images.kernels import SOURCE, STAMPED
from tiny_cloud.steps import ExtractKernel, Stamp

BOOT = "/boot"


def extract(
    step: ExtractKernel,
    *,
    environ: Mapping[str, str],
    pass_fds: tuple[int, ...] = (),
    progress: Callable[[str], None],
) -> None:
    """Raises Failure, and leaves no parts behind then."""
    parts = {final: Path(f"{final}.part") for final in (step.kernel, step.initrd)}
    source = str(os.stat(step.image).st_ino)
    try:
        version = _copy(step, parts, environ, pass_fds, progress)
        for final, part in parts.items():
            files.write_stamp(Stamp(str(part), final, step.cloud, step.address,
                                    {STAMPED: version, SOURCE: source}, immutable=True))
    except BaseException:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise


def _copy(
    step: ExtractKernel,
    parts: Mapping[str, Path],
    environ: Mapping[str, str],
    pass_fds: tuple[int, ...],
    progress: Callable[[str], None],
) -> str:
    """Returns the kernel's version."""
    with GuestSession(step.address, environ=environ, pass_fds=pass_fds) as session:
        progress("starts the libguestfs appliance")
        session.open(step.image, step.format, readonly=True)
        guest.entered(session, step.image, progress)
        sizes = session.sizes(BOOT)
        version, *names = guest.named(step.address, lambda: newest(sizes))
        require_space(step.kernel, sum(sizes[name] for name in names), f"the kernel {version}")
        progress(f"takes out the kernel {version}")
        for name, part in zip(names, parts.values(), strict=True):
            # What is there now may be a link to somewhere else.
            part.unlink(missing_ok=True)
            session.download(f"{BOOT}/{name}", str(part))
            if part.stat().st_size != sizes[name]:
                raise Failure(f"{step.address}: {BOOT}/{name} was not copied as a whole")
        session.shutdown()
    return version
