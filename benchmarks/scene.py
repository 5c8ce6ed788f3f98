"""A folder with an image and manifests for many machines, and what libvirt and LVM have of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import libvirt

from benchmarks.measure import Took, command

NAME, URI = "tctbench", "qemu:///system"
TINYCLOUD = str(Path(sys.executable).with_name("tinycloud"))
HEADER = "apiVersion: tinycloud/v1\n"
IN_A_FILE = 100
"""Machines: people split what is long."""
GROUP = "tctbench"
MACHINE = """\
kind: VirtualMachine
metadata: {{name: {name}}}
spec:
  cpus: 1
  memory: 64MiB
  running: false
  autostart: false
  disks: [{{name: root, image: base, size: 64MiB}}]
  interfaces: [{card}]
"""


@dataclass(frozen=True, slots=True)
class Scene:
    folder: Path

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    @property
    def base(self) -> Path:
        return self.folder / "base.qcow2"

    def declare(self, machines: int, networks: int = 0, volumes: int = 0) -> None:
        """In place of what was declared before."""
        shutil.rmtree(self.manifests, ignore_errors=True)
        self.manifests.mkdir()
        self._write("cloud", [
            f'kind: Cloud\nmetadata: {{name: {NAME}}}\n'
            f'spec: {{connect: "{URI}", storage: {self.storage}}}\n',
            f"kind: Image\nmetadata: {{name: base}}\nspec: {{source: {{path: {self.base}}}}}\n"])
        self._write("networks", [
            f"kind: Network\nmetadata: {{name: net{number}}}\n"
            f"spec: {{forward: isolated, subnet: 10.{130 + number}.0.0/16, autostart: false}}\n"
            for number in range(networks)])
        self._write("volumes", [
            f"kind: LogicalVolume\nmetadata: {{name: lv{number:04}}}\n"
            f"spec: {{volumeGroup: {GROUP}, size: 1GiB}}\n" for number in range(volumes)])
        for first in range(0, machines, IN_A_FILE):
            self._write(f"machines{first:05}", [
                MACHINE.format(name=f"m{number:05}", card=_card(number, networks))
                for number in range(first, min(machines, first + IN_A_FILE))])

    def _write(self, name: str, documents: list[str]) -> None:
        text = "---\n".join(HEADER + document for document in documents)
        (self.manifests / f"{name}.yaml").write_text(text)

    def tinycloud(self, verb: str, *options: str, path: str = "") -> Took:
        """``path``: a folder whose programs come first."""
        environ = {"PATH": f"{path}:{os.environ['PATH']}"} if path else {}
        return command(TINYCLOUD, verb, str(self.manifests), *options, environ=environ)

    def only_the_image(self) -> None:
        """Everything goes; what is declared stays so, and its image is there."""
        self.wipe()
        self.tinycloud("apply", "--yes", "--target", "image/base")

    def wipe(self) -> None:
        """Whatever of this benchmark is on the host, whoever made it."""
        with closing(libvirt.open(URI)) as connection:
            for domain in connection.listAllDomains():
                if domain.name().startswith(NAME):
                    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
            for network in connection.listAllNetworks():
                if network.name().startswith(NAME):
                    if network.isActive():
                        network.destroy()
                    network.undefine()
            for pool in connection.listAllStoragePools():
                if str(self.folder) in pool.XMLDesc():
                    if pool.isActive():
                        pool.destroy()
                    pool.undefine()
        for place in (self.storage, self.folder / "disks"):
            shutil.rmtree(place, ignore_errors=True)
        (self.folder / "disks").mkdir()

    def definitions(self) -> list[Path]:
        """Of all machines of tinycloud's, as files: what the bare tools are given."""
        place = self.folder / "xml"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        with closing(libvirt.open(URI)) as connection:
            for domain in connection.listAllDomains():
                if domain.name().startswith(NAME):
                    xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
                    xml = xml.replace(f"{self.storage}/disks", f"{self.folder}/disks")
                    (place / f"{domain.name()}.xml").write_text(xml)
        return sorted(place.iterdir())


@contextmanager
def scene() -> Iterator[Scene]:
    """In /var/tmp, where libvirt's qemu user may go; nothing of it stays."""
    made = Scene(Path(f"/var/tmp/{NAME}-{os.getpid()}"))
    made.folder.mkdir(0o755)
    try:
        raw = made.folder / "base.raw"
        raw.write_bytes(os.urandom(4 << 20))
        os.truncate(raw, 64 << 20)
        subprocess.run(("qemu-img", "convert", "-O", "qcow2", raw, made.base), check=True)
        made.wipe()
        yield made
    finally:
        made.wipe()
        shutil.rmtree(made.folder)


def _card(number: int, networks: int) -> str:
    return f"{{name: eth0, network: net{number % networks}}}" if networks else ""
