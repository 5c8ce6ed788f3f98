"""Steps of libvirt's domains."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from tiny_cloud.steps.base import Step


@dataclass(frozen=True, slots=True)
class Define(Step):
    """Define a domain. ``accel`` auto: the executor's probe decides the domain type and CPU."""

    name: str
    xml: str
    accel: str = ""
    """auto, kvm or tcg for a new domain; empty: the XML says it already."""
    keep_cpu: bool = False
    """The acceleration decides the domain type alone: the manifest says which CPU."""
    before: str = ""
    """The definition that it replaces; empty: it is a new one."""

    def shell(self) -> str:
        return f"virsh define /dev/stdin <<'EOF'\n{self.xml.rstrip()}\nEOF"

    def undo(self) -> tuple[Step, ...]:
        return (Define(self.name, self.before),) if self.before else ()


@dataclass(frozen=True, slots=True)
class Autostart(Step):
    name: str
    on: bool

    def shell(self) -> str:
        return shlex.join(["virsh", "autostart", *([] if self.on else ["--disable"]), self.name])


@dataclass(frozen=True, slots=True)
class Start(Step):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "start", self.name])


@dataclass(frozen=True, slots=True)
class Shutdown(Step):
    """Ask the guest to power off and wait; ``force`` pulls the plug when it has not by then."""

    name: str
    timeout: int
    """Seconds."""
    force: bool = False
    again: bool = False
    """It is to run again afterwards."""

    def shell(self) -> str:
        command = shlex.join(["virsh", "shutdown", self.name])
        then = ", then virsh destroy" if self.force else ""
        return f"{command}  # waits {self.timeout} s{then}"

    def undo(self) -> tuple[Step, ...]:
        return (Start(self.name),) if self.again else ()


@dataclass(frozen=True, slots=True)
class Undefine(Step):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "undefine", "--nvram", "--tpm", self.name])


@dataclass(frozen=True, slots=True)
class RenameDomain(Step):
    """Only while it is off. One that is not there was renamed before."""

    name: str
    to: str

    def shell(self) -> str:
        return shlex.join(["virsh", "domrename", self.name, self.to])
