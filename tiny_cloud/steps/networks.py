"""Steps of libvirt's networks."""

from __future__ import annotations

import shlex

from tiny_cloud.steps.base import Step


class DefineNetwork(Step, frozen=True):
    """New or in place; what is active stays as it is."""

    name: str
    xml: str

    def shell(self) -> str:
        return f"virsh net-define --validate /dev/stdin <<'EOF'\n{self.xml.rstrip()}\nEOF"


class AutostartNetwork(Step, frozen=True):
    name: str
    on: bool

    def shell(self) -> str:
        off = [] if self.on else ["--disable"]
        return shlex.join(["virsh", "net-autostart", *off, self.name])


class StartNetwork(Step, frozen=True):
    """Start it and put the cards of machines that run on it back on its bridge: they fell off when
    it was stopped."""

    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "net-start", self.name])


class ReattachCards(Step, frozen=True):
    """Plug every running machine's card on a network into its bridge again, and see that it is."""

    name: str

    def shell(self) -> str:
        return f"# ip link set TAP master BRIDGE, for each card of a running machine on {self.name}"


class UpdateNetwork(Step, frozen=True):
    """Change a section of an active network, of its definition, or of both."""

    name: str
    command: str
    """``add`` or ``delete``."""
    section: str
    xml: str
    live: bool
    config: bool
    parent: int = -1
    """Which <ip> it is in, from 0; -1: the only one, or none."""

    def shell(self) -> str:
        place = ["--parent-index", str(self.parent)] if self.parent >= 0 else []
        affects = [flag for flag, on in (("--live", self.live), ("--config", self.config)) if on]
        argv = ["net-update", self.name, self.command, self.section, self.xml, *place, *affects]
        return shlex.join(["virsh", *argv])


class StopNetwork(Step, frozen=True):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "net-destroy", self.name])


class UndefineNetwork(Step, frozen=True):
    name: str

    def shell(self) -> str:
        return shlex.join(["virsh", "net-undefine", self.name])
