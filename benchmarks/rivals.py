"""kcli, Ansible with community.libvirt, and virt-install with virt-clone: each does what its own
manual says for twenty machines that are not started.

vagrant-libvirt is not among them: ``vagrant up`` starts what it makes and waits for its SSH, and
has no way to leave that out. Terraform's provider is in no package registry.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Took, command
from benchmarks.scene import NAME, URI, Scene

PLACE = Path(".venv/rivals").absolute()
PACKAGES = ("kcli", "ansible")
NEEDED = ("lxml",)
"""By community.libvirt.virt, besides libvirt's binding."""


def install() -> None:
    """In an environment of their own, beside the system's bindings of libvirt."""
    if not PLACE.exists():
        command("/usr/bin/python3", "-m", "venv", "--system-site-packages", str(PLACE))
    command(str(PLACE / "bin/pip"), "install", "--quiet", *PACKAGES, *NEEDED)


def versions() -> dict[str, str]:
    listed = subprocess.run((PLACE / "bin/pip", "list", "--format", "json"), check=True,
                            capture_output=True, text=True).stdout
    known = {one["name"].lower(): one["version"] for one in json.loads(listed)}
    virt = subprocess.run(("virt-install", "--version"), check=True, capture_output=True, text=True)
    return {**{name: known[name] for name in PACKAGES}, "virt-install": virt.stdout.strip()}


class Kcli:
    """A plan of machines on overlays of an image in a storage pool."""

    def __init__(self, scene: Scene, count: int) -> None:
        self.scene, self.plan = scene, scene.folder / "kcli.yml"
        machine = ("{image: base.qcow2, pool: tctbench, disks: [{size: 1}], nets: [], memory: 64, "
                   "numcpus: 1, start: false, cloudinit: false}")
        self.plan.write_text("".join(f"{NAME}-k{number}: {machine}\n" for number in range(count)))

    def before(self) -> None:
        self.scene.wipe()
        pool = self.scene.folder / "disks"
        command("cp", str(self.scene.base), str(pool / "base.qcow2"))
        self._kcli("create", "pool", "-p", str(pool), NAME)

    def apply(self) -> Took:
        return self._kcli("create", "plan", "-f", str(self.plan), NAME)

    def _kcli(self, *argv: str) -> Took:
        return command(str(PLACE / "bin/kcli"), *argv, environ={"HOME": str(self.scene.folder)})


class Ansible:
    """A playbook: qemu-img for each disk, community.libvirt.virt for each machine."""

    def __init__(self, scene: Scene, definitions: Sequence[Path]) -> None:
        self.book = scene.folder / "book.yml"
        disks = scene.folder / "disks"
        self.book.write_text(json.dumps([{
            "hosts": "localhost", "connection": "local", "gather_facts": False,
            "vars": {"ansible_python_interpreter": str(PLACE / "bin/python")},
            "tasks": [
                {"ansible.builtin.command": {
                    "cmd": f"qemu-img create -f qcow2 -b {scene.base} -F qcow2 "
                           f"{disks}/{{{{ item }}}}-root.qcow2",
                    "creates": f"{disks}/{{{{ item }}}}-root.qcow2"},
                 "loop": [file.stem.partition("-")[2] for file in definitions]},
                {"community.libvirt.virt": {
                    "command": "define", "xml": "{{ lookup('file', item) }}", "uri": URI},
                 "loop": [str(file) for file in definitions]},
            ]}]))

    def apply(self) -> Took:
        return command(str(PLACE / "bin/ansible-playbook"), str(self.book))


class VirtInstall:
    """The first is made by virt-install, the others are its clones, whole copies of its disk."""

    def __init__(self, scene: Scene, count: int) -> None:
        self.script = scene.folder / "virt-install.sh"
        first, disks = f"{NAME}-v0", scene.folder / "disks"
        lines = [
            "set -e",
            f"qemu-img create -q -f qcow2 -b {scene.base} -F qcow2 {disks}/{first}.qcow2",
            f"virt-install --connect {URI} --name {first} --memory 64 --vcpus 1 --import --disk "
            f"{disks}/{first}.qcow2 --osinfo generic --network none --virt-type qemu --print-xml "
            f">{disks}/{first}.xml",
            f"virsh -q -c {URI} define {disks}/{first}.xml",
            *(f"virt-clone --quiet --connect {URI} --original {first} --name {NAME}-v{number} "
              f"--file {disks}/{NAME}-v{number}.qcow2" for number in range(1, count))]
        self.script.write_text("\n".join(lines))

    def apply(self) -> Took:
        return command("sh", str(self.script))
