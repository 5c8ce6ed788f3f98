"""Random lives of a small cloud: edits, drift, cut-off applies; each apply ends in an empty plan.

The host in memory objects to whatever qemu, libvirt and the rules of safety would object to
(``tests/fake/objections.py``). ``LIVES=1000 pytest tests/unit/test_lives.py`` runs more of them.
"""

from __future__ import annotations

import dataclasses
import os
import random
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.cloud import carry_out, fake_host, plan_for
from tiny_cloud.draft import matches
from tiny_cloud.errors import Problems
from tiny_cloud.libvirt_xml import disk_paths
from tiny_cloud.model import Action, Plan
from tiny_cloud.steps import Shutdown, Trash

LIVES = int(os.environ.get("LIVES", "80"))
KINDS = ("replace", "restart", "delete_data", "adopt", "force_off")
GLOBS = ("*", "network/*", "virtualmachine/web", "disk/*", "virtualmachine/*", "image/*",
         "disk/web-data")
Allowed = dict[str, tuple[str, ...]]


@dataclass
class Machine:
    cpus: int = 1
    running: bool | None = None
    root: int = 4
    data: int = 0
    form: str = "qcow2"
    hostname: str = "a"
    guest: bool = True
    protect: bool = False
    former: str = ""
    own: str = ""
    """The bus on which it has the disk with a document of its own; one machine at most."""
    card: str = ""
    address: str = ""
    link: str = "up"
    title: str = ""
    room: int = 0

    def manifest(self, name: str) -> str:
        protect = str(self.protect).lower()
        lines = [
            "kind: VirtualMachine",
            f"metadata: {{name: {name}, annotations: {{tinycloud/protect: '{protect}'}}"
            + (f", renamedFrom: {self.former}}}" if self.former else "}"),
            "spec:",
            f"  cpus: {self.cpus}",
            "  memory: 512MiB",
            *([] if self.running is None else [f"  running: {str(self.running).lower()}"]),
            "  disks:",
            f"    - {{name: root, image: debian, size: {self.root}GiB}}",
        ]
        if self.data:
            lines.append(f"    - {{name: data, size: {self.data}GiB, format: {self.form}}}")
        if self.own:
            lines.append(f"    - {{name: own, disk: one, bus: {self.own}}}")
        lines += [f"  title: {self.title}"] if self.title else []
        lines += [f"  maxCpus: {max(self.room, self.cpus)}"] if self.room else []
        if self.card:
            address = f", address: {self.address}" if self.address else ""
            card = f"{{name: eth0, network: {self.card}, link: {self.link}{address}}}"
            lines.append(f"  interfaces: [{card}]")
        if self.guest:
            users = "{root: {password: {env: PASSWORD}}}"
            lines += ["  guest:", f"    hostname: {self.hostname}", f"    users: {users}"]
        return "\n".join(lines)


@dataclass
class Net:
    prefix: str
    forward: str = "nat"
    mtu: int = 1500
    low: int = 100

    def manifest(self, name: str) -> str:
        dhcp = f"{{from: {self.prefix}.{self.low}, to: {self.prefix}.200}}"
        return (f"kind: Network\nmetadata: {{name: {name}}}\nspec: {{forward: {self.forward}, "
                f"subnet: {self.prefix}.0/24, dhcp: {dhcp}, mtu: {self.mtu}}}")


@dataclass
class Life:
    """What the manifests say, and the dice."""

    dice: random.Random
    suite: str = "bookworm"
    machines: dict[str, Machine] = field(default_factory=lambda: {"web": Machine()})
    largest: int = 1
    networks: dict[str, Net] = field(default_factory=lambda: {
        "lan": Net("10.44.0"), "inner": Net("10.45.0", "isolated")})

    def documents(self) -> list[str]:
        source = f"{{debootstrap: {{suite: {self.suite}}}}}"
        image = f"kind: Image\nmetadata: {{name: debian}}\nspec: {{source: {source}}}"
        disk = "kind: Disk\nmetadata: {name: one}\nspec: {size: 1GiB}"
        nets = (net.manifest(name) for name, net in self.networks.items())
        machines = (machine.manifest(name) for name, machine in self.machines.items())
        return [image, disk, *nets, *machines]

    def edit(self) -> None:
        dice, name = self.dice, self.dice.choice(["web", "db"])
        if dice.random() < 0.3:
            self.rename()
            return
        if any(machine.former == name for machine in self.machines.values()):
            return
        if name not in self.machines or dice.random() < 0.1:
            if self.machines.pop(name, None) is None:
                self.machines[name] = Machine(root=9, data=0)
            return
        machine = self.machines[name]
        match dice.randrange(16):
            case 0:
                self.suite = dice.choice(["bookworm", "trixie"])
            case 1:
                machine.cpus = dice.randint(1, 4)
            case 2:
                machine.running = dice.choice([None, True, False])
            case 3:
                machine.root += 1
            case 4:
                self.largest += 1
                machine.data = dice.choice([0, self.largest])
            case 5:
                machine.form = dice.choice(["qcow2", "raw"])
            case 6:
                machine.hostname = dice.choice("abc")
            case 7:
                machine.guest = not machine.guest
            case 8:
                machine.protect = dice.random() < 0.2
            case 9:
                machine.own = dice.choice(["", "virtio", "scsi", "sata"])
                for other in self.machines.values():
                    other.own = other.own if other is machine or not machine.own else ""
            case 10:
                machine.card = dice.choice(["", *self.networks])
                machine.address = ""
            case 11 if machine.card:
                taken = {other.address for other in self.machines.values()}
                number = dice.randint(10, 15)
                address = f"{self.networks[machine.card].prefix}.{number}"
                machine.address = dice.choice(["", *({address} - taken)])
            case 12:
                machine.link = dice.choice(["up", "down"])
            case 13:
                machine.title = dice.choice(["", "one", "two"])
            case 14:
                machine.room = dice.randint(0, 4)
            case 15:
                net = dice.choice(list(self.networks.values()))
                net.forward = dice.choice(["nat", "isolated", "route"])
                net.mtu = dice.choice([net.mtu, 1400, 1500])
                net.low = dice.randint(50, 120)

    def rename(self) -> None:
        name, new = self.dice.choice(["web", "db", "site"]), self.dice.choice(["web", "db", "site"])
        taken = {*self.machines, *(machine.former for machine in self.machines.values())}
        if name in self.machines and self.machines[name].former:
            self.machines[name].former = ""
        elif name in self.machines and new not in taken:
            self.machines[new] = dataclasses.replace(self.machines.pop(name), former=name)

    def consents(self) -> Allowed:
        if self.dice.random() < 0.5:
            return {}
        return {kind: (self.dice.choice(GLOBS),) for kind in KINDS if self.dice.random() < 0.5}

    def drift(self, host: FakeHost) -> None:
        """Somebody does something behind our back."""
        if not host.domain or self.dice.random() < 0.6:
            return
        if self.dice.random() < 0.2:
            self.drift_of_a_network(host)
            return
        name = self.dice.choice(list(host.domain))
        facts = host.domain[name]
        there = all(path in host.file for path, _ in disk_paths(facts.xml))
        match self.dice.randrange(4):
            case 0:
                host.domain[name] = replace(facts, live_xml="")
            case 1 if not facts.live_xml and there:
                host.domain[name] = replace(facts, live_xml=facts.xml)
            case 2 if not facts.live_xml:
                del host.domain[name]
            case 3:
                host.secret["PASSWORD"] = self.dice.choice(["hunter2", "swordfish"])


    def drift_of_a_network(self, host: FakeHost) -> None:
        name = self.dice.choice(list(host.network))
        facts = host.network[name]
        match self.dice.randrange(3):
            case 0:
                host.network[name] = replace(facts, live_xml="")
            case 1:
                host.network[name] = replace(facts, xml=facts.xml.replace(".200", ".201"))
            case 2 if facts.live_xml:
                live = facts.live_xml.replace(".200", ".201")
                host.network[name] = replace(facts, live_xml=live)


@pytest.mark.parametrize("seed", range(LIVES))
def test_a_life(seed: int) -> None:
    life, host = Life(random.Random(seed)), fake_host()
    host.image_size = 1 << 30
    for year in range(life.dice.randint(2, 7)):
        if year:
            life.edit()
            life.drift(host)
        allowed = life.consents()
        try:
            _live(life, host, allowed)
        except Problems as error:
            # A disk came back smaller than it was: said, and nothing done.
            assert "cannot shrink" in str(error) or "smaller than its image" in str(error)
            return


def _live(life: Life, host: FakeHost, allowed: Allowed) -> None:
    documents = life.documents()
    data = {file.inode for path, file in host.file.items() if _is_data(path)}
    plan = plan_for(host, *documents, **allowed)
    _only_what_was_allowed(plan, allowed)
    if life.dice.random() < 0.4:
        last = len(host.performed) + life.dice.randint(0, 20)
        host.fails = lambda step: len(host.performed) >= last
        carry_out(host, plan)
        host.fails = lambda step: False
        plan = plan_for(host, *documents, **allowed)
    failed = [event for event in carry_out(host, plan) if event.what == "failed"]
    assert failed == []
    left = [c for c in plan_for(host, *documents, **allowed).changes if not c.blocked]
    if [change.action for change in left] == [Action.RESTART]:
        # What was just defined again over a running machine waits for a boot, which is allowed.
        carry_out(host, plan_for(host, *documents, **allowed))
        left = [c for c in plan_for(host, *documents, **allowed).changes if not c.blocked]
    assert left == []
    assert data <= {file.inode for file in host.file.values()}, "data was lost"


def _is_data(path: str) -> bool:
    return "/disks/" in path and not path.endswith(".part")


def _only_what_was_allowed(plan: Plan, allowed: Allowed) -> None:
    for change in plan.changes:
        ends = any(diff.field == "running" and diff.new is False for diff in change.diffs)
        for step in (*change.down, *change.up, *change.seal):
            if isinstance(step, Shutdown):
                assert ends or matches(allowed.get("restart", ()), change.address)
            if isinstance(step, Trash):
                assert matches(allowed.get("replace", ()), change.address)
