"""Steps of libvirt's domains."""

from __future__ import annotations

import shlex

from tiny_cloud.steps.base import Step


class Define(Step, frozen=True):
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


class Autostart(Step, frozen=True):
    name: str
    on: bool

    def shell(self) -> str:
        return shlex.join(["virsh", "autostart", *([] if self.on else ["--disable"]), self.name])


class Start(Step, frozen=True):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "start", self.name])


class Shutdown(Step, frozen=True):
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


class Undefine(Step, frozen=True):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "undefine", "--nvram", "--tpm", self.name])


class RenameDomain(Step, frozen=True):
    """Only while it is off. One that is not there was renamed before."""

    name: str
    to: str

    def shell(self) -> str:
        return shlex.join(["virsh", "domrename", self.name, self.to])
