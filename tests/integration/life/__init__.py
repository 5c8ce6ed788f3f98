"""A cloud that lives: what its manifests say, and every edit that somebody might make to them.

An edit changes the declaration and the consents of the round, and says in words what it did; one
that does not fit the present state says nothing, and another is drawn. Edits never ask for what the
guests here, firmware without a system, cannot do: they let go of no PCI device and no processor.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration.lab import Lab, virsh
from tiny_cloud.api import Wish
from tiny_cloud.model import Consents

Spec = dict[str, Any]
NAMES = ("web", "db", "mail", "git", "log", "ci", "vpn", "wiki")
BRIDGES = ("tctl0", "tctl1")
LETS_GO = ("scsi", "usb")
"""Buses whose devices go without the guest's help."""


EDITED = ("machines", "networks", "disks", "former", "lingering", "data")


@dataclass
class Data:
    """A disk's file as of the last apply, whether declared or not."""

    size: int
    """MiB."""
    delete: bool = False
    """Its reclaim policy."""


@dataclass
class Life:
    dice: random.Random
    lab: Lab
    machines: dict[str, Spec] = field(default_factory=dict)
    networks: dict[str, Spec] = field(default_factory=dict)
    disks: dict[str, Spec] = field(default_factory=dict)
    """Those with a document of their own."""
    former: dict[str, str] = field(default_factory=dict)
    """By machine, what it is renamed from."""
    lingering: dict[str, Spec] = field(default_factory=dict)
    """Machines that no document declares any more, and that are still there."""
    data: dict[str, Data] = field(default_factory=dict)
    consents: dict[str, set[str]] = field(default_factory=dict)
    prune: bool = False

    # -- the round ----------------------------------------------------------------------------

    def begin(self) -> None:
        self.consents, self.prune = {}, False

    def declared(self) -> Spec:
        """What edits change, to come back to."""
        return copy.deepcopy({name: getattr(self, name) for name in EDITED})

    def declare(self, before: Spec) -> None:
        for name, value in before.items():
            setattr(self, name, value)
        self.begin()

    def wish(self) -> Wish:
        allowed = {kind: tuple(sorted(names)) for kind, names in self.consents.items()}
        return Wish(Consents(**allowed), prune=self.prune)

    def allow(self, address: str, *kinds: str) -> None:
        for kind in kinds:
            self.consents.setdefault(kind, set()).add(address)

    def may_restart(self, name: str) -> None:
        self.allow(f"virtualmachine/{name}", "restart", "force_off")

    def perhaps_restart(self, name: str) -> str:
        """Words for the edit."""
        if self.chance(0.4):
            self.may_restart(name)
            return " (restart)"
        return ""

    def settled(self) -> None:
        """What an apply without failures has made true."""
        declared = self.declared_disks()
        for name, spec in declared.items():
            policy = spec.get("reclaimPolicy") == "Delete"
            self.data[name] = Data(spec["mib"], policy)
        if self.prune:
            self.lingering.clear()
            agreed = self.consents.get("delete_data", set())
            for name in [name for name in self.data if name not in declared]:
                if self.data[name].delete or f"disk/{name}" in agreed:
                    del self.data[name]

    # -- dice ---------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def pick(self) -> tuple[str, Spec]:
        name = self.dice.choice(sorted(self.machines))
        return name, self.machines[name]

    def toggle(self, spec: Spec, key: str, *values: Any) -> bool:
        """Another value, or none; whether there is a difference."""
        before = spec.pop(key, None)
        choices = [value for value in values if value != before]
        if choices and (before is None or self.chance(0.6)):
            spec[key] = self.dice.choice(choices)
        return spec.get(key) != before

    # -- what is declared ---------------------------------------------------------------------

    def runs(self, name: str) -> bool:
        return bool(self.machines[name].get("running", True))

    def declared_disks(self) -> dict[str, Spec]:
        own = dict(self.disks)
        for name, spec in self.machines.items():
            own |= {f"{name}-{disk['name']}": disk
                    for disk in spec["disks"] if "disk" not in disk}
        return own

    def holder(self, disk: str) -> str:
        """The machine that has a Disk document's disk; empty: none has."""
        found = (name for name, spec in {**self.machines, **self.lingering}.items()
                 if any(item.get("disk") == disk for item in spec["disks"]))
        return next(found, "")

    def free_names(self) -> list[str]:
        """For a machine: nothing that is there has this name, or a disk of such a machine."""
        taken = {*self.machines, *self.lingering, *self.former.values(),
                 *(name.partition("-")[0] for name in self.data)}
        return [name for name in NAMES if name not in taken]

    def write(self) -> str:
        """The manifests of now; returns their text."""
        documents: list[Spec] = []
        for kind, found in (("Network", self.networks), ("Disk", self.disks)):
            documents += [{"kind": kind, "metadata": {"name": name}, "spec": _plain(spec)}
                          for name, spec in found.items()]
        for name, spec in self.machines.items():
            metadata = {"name": name}
            if name in self.former:
                metadata["renamedFrom"] = self.former[name]
            fixed = {"accel": "tcg", "autostart": False, "stopTimeout": 1}
            disks = [_plain(disk) for disk in spec["disks"]]
            documents.append({"kind": "VirtualMachine", "metadata": metadata,
                              "spec": {**fixed, **spec, "disks": disks}})
        documents = [{"apiVersion": "tinycloud/v1", **document} for document in documents]
        text: str = yaml.safe_dump_all(documents, default_flow_style=None)
        Path(self.lab.manifests / "life.yaml").write_text(text)
        return text


def _plain(spec: Spec) -> Spec:
    plain = {key: value for key, value in spec.items() if key != "mib"}
    return {**plain, "size": f"{spec['mib']}MiB"} if "mib" in spec else plain


def domain_of(life: Life, name: str) -> str:
    """As libvirt calls it, which somebody may have changed."""
    domain = life.lab.domain(name)
    return f"{domain}-x" if f"{domain}-x" in virsh("list", "--all", "--name").split() else domain


Edit = Callable[[Life], str]
EDITS: list[Edit] = []


def edit(weight: int = 2) -> Callable[[Edit], Edit]:
    def register(function: Edit) -> Edit:
        EDITS.extend([function] * weight)
        return function

    return register
