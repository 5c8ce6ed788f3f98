"""Steps that change a running machine."""

from __future__ import annotations

import re
import shlex

from tiny_cloud.steps.base import Step

LET_GO = 60
"""Seconds that a guest gets to let go of a device."""


def alias_of(device_xml: str) -> str:
    """The name by which libvirt knows a device of ours."""
    found = re.search(r"""<alias name=["']([^"']*)""", device_xml)
    return found[1] if found else ""


def _live(verb: str, name: str, xml: str) -> str:
    return f"virsh {verb} {shlex.quote(name)} /dev/stdin --live <<'EOF'\n{xml.rstrip()}\nEOF"


class AttachDevice(Step, frozen=True):
    """Plug a device into a running machine; one that is there already is fine."""

    name: str
    xml: str

    def shell(self) -> str:
        return _live("attach-device", self.name, self.xml)

    def undo(self) -> tuple[Step, ...]:
        return (DetachDevice(self.name, alias_of(self.xml), self.xml),)


class DetachDevice(Step, frozen=True):
    """Take a device out of a running machine, and wait until the guest has let go of it."""

    name: str
    alias: str
    """libvirt's, as it runs."""
    xml: str
    timeout: int = LET_GO
    """Seconds."""

    def shell(self) -> str:
        return shlex.join(["virsh", "detach-device-alias", self.name, self.alias, "--live"])

    def undo(self) -> tuple[Step, ...]:
        return (AttachDevice(self.name, self.xml),)


class UpdateDevice(Step, frozen=True):
    """Change the medium, the network or the link of a device of a running machine."""

    name: str
    xml: str
    before: str

    def shell(self) -> str:
        return _live("update-device", self.name, self.xml)

    def undo(self) -> tuple[Step, ...]:
        return (UpdateDevice(self.name, self.before, self.xml),)


class SetVcpus(Step, frozen=True):
    """Plug virtual processors into a running machine, or out of it."""

    name: str
    count: int
    before: int

    def shell(self) -> str:
        return shlex.join(["virsh", "setvcpus", self.name, str(self.count), "--live"])

    def undo(self) -> tuple[Step, ...]:
        return (SetVcpus(self.name, self.before, self.count),)


class SetMemory(Step, frozen=True):
    """Ask a running guest's balloon driver for a size."""

    name: str
    size: int
    """Bytes."""

    def shell(self) -> str:
        return shlex.join(["virsh", "setmem", self.name, f"{self.size}b", "--live"])


class Describe(Step, frozen=True):
    """A running machine's title or description."""

    name: str
    what: str
    """``title`` or ``description``."""
    text: str

    def shell(self) -> str:
        title = ["--title"] if self.what == "title" else []
        return shlex.join(["virsh", "desc", self.name, "--live", *title, self.text])


class BlockResize(Step, frozen=True):
    """Grow a disk under a running machine."""

    domain: str
    path: str
    size: int
    """Bytes."""

    def shell(self) -> str:
        return shlex.join(["virsh", "blockresize", self.domain, self.path, f"{self.size}B"])
