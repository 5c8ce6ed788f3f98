"""What steps are carried out with, and the one function that carries out any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path

from tiny_cloud.apply.workers import Progress
from tiny_cloud.host import acceleration
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.model import Cloud
from tiny_cloud.steps import Step


@dataclass(frozen=True)
class Hands:
    cloud: Cloud
    libvirt: Libvirt
    cache: Path
    lock: int
    """The descriptor that children inherit."""
    parallel: int = 4
    """How many things at most are done at a time."""

    @property
    def storage(self) -> Path:
        return Path(self.cloud.storage)

    def appliance(self) -> Mapping[str, str]:
        """The environment for libguestfs."""
        return acceleration.appliance_environ(acceleration.probe(self.cache))


@singledispatch
def do(step: Step, host: Hands, progress: Progress) -> None:
    """One function a class of step, registered in ``actions``: with the class, for to read it from
    the annotation takes longer than all else of the import. Raises Failure, OSError."""
    raise NotImplementedError(type(step))


def words_only(progress: Progress) -> Callable[[str], None]:
    """For those who report in words alone."""
    return lambda text: progress(text, None)
