"""The scenarios, but for those that start appliances."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection
from itertools import chain
from pathlib import Path

from tests.faults.bench import has_mark
from tests.faults.scenario import Scenario, nothing
from tests.goals import scaled
from tests.integration.lab import Lab, digest, virsh

MIB = 1 << 20


def disk(name: str, spec: str) -> str:
    return f"kind: Disk\nmetadata: {{name: {name}}}\nspec: {{{spec}}}"


def image(source: str) -> str:
    return f"kind: Image\nmetadata: {{name: base}}\nspec: {{source: {{{source}}}}}"


def network(spec: str) -> str:
    return f"kind: Network\nmetadata: {{name: lan}}\nspec: {{{spec}}}"


def machine(spec: str = "", *, name: str = "name: web", cpus: int = 1, running: bool = True) -> str:
    """Nothing boots in it, so that it goes off by force alone, after a second."""
    return (f"kind: VirtualMachine\nmetadata: {{{name}}}\n"
            f"spec: {{cpus: {cpus}, memory: 32MiB, accel: tcg, autostart: false, stopTimeout: 1, "
            f"running: {str(running).lower()}, {spec}}}")


def made(form: str, *names: str) -> Callable[[Lab], None]:
    """Images in the lab's folder, each with content of its own."""

    def make(lab: Lab) -> None:
        for name in names:
            raw, file = lab.folder / "source.raw", lab.folder / f"{name}.{form}"
            raw.write_bytes(name.encode() * MIB + os.urandom(MIB))
            os.truncate(raw, 8 * MIB)
            subprocess.run(("qemu-img", "convert", "-f", "raw", "-O", form, raw, file), check=True)

    return make


def published(lab: Lab) -> None:
    """With the file of digests that a publisher puts beside it."""
    made("qcow2", "base")(lab)
    file = lab.folder / "base.qcow2"
    (lab.folder / "SHA256SUMS").write_text(f"{digest(file)}  {file.name}\n")


def marked(*names: str) -> Callable[[Lab], None]:
    def stays(lab: Lab) -> None:
        for name in names:
            # What was replaced or deleted is in the trash, under a name that begins like it.
            kept = chain(lab.storage.glob(name), lab.storage.glob(f"trash/{Path(name).name}*"))
            assert any(has_mark(path) for path in kept if path.suffix != ".stamp"), name

    return stays


def pruned(lab: Lab) -> None:
    for file in ("data", "more"):
        (lab.manifests / f"{file}.yaml").unlink()
    lab.apply("--prune", "--delete-data", "*")


def emptied(lab: Lab) -> None:
    assert not list(lab.storage.glob("trash/*"))


def started(lab: Lab) -> None:
    virsh("start", lab.domain("web"))


RESTART = ("--restart", "vm/*", "--force-off", "vm/*")
ON_DISK = "disks: [{name: data, disk: data}]"
LAN = "forward: isolated, subnet: 10.{net}.7.0/24"
DATA = "disks/data.qcow2"
ROOT = "disks/web-root.qcow2"

SCENARIOS = (
    Scenario("disks are made", {
        "data": disk("data", "size: 8MiB"), "raw": disk("raw", "size: 1MiB, format: raw")}),
    Scenario("disks grow", before={
        "data": disk("data", "size: 8MiB"), "raw": disk("raw", "size: 1MiB, format: raw")}, after={
        "data": disk("data", "size: 16MiB"), "raw": disk("raw", "size: 2MiB, format: raw")},
        written=(DATA, "disks/raw.raw"), stays=marked(DATA, "disks/raw.raw")),
    Scenario("a disk is replaced", before={"data": disk("data", "size: 8MiB")},
             after={"data": disk("data", "size: 8MiB, format: raw")},
             argv=("apply", "--replace", "disk/data"), written=(DATA,), stays=marked(DATA)),
    Scenario("an encrypted disk is made", {
        "data": disk("data", "size: 8MiB, encryption: {secret: {file: secrets/disk.key}}"),
        "web": machine(ON_DISK, running=False)},
        sources=lambda lab: lab.secret("disk.key", "what opens it")),
    Scenario("an image from a path, and a disk on it", {
        "base": image("path: {folder}/base.qcow2"), "data": disk("data", "image: base")},
        sources=made("qcow2", "base")),
    Scenario("an image from a VMDK", {"base": image("path: {folder}/base.vmdk")},
             sources=made("vmdk", "base")),
    Scenario("an image is downloaded", {
        "base": image("url: '{site}/base.qcow2', sums: '{site}/SHA256SUMS'")}, sources=published),
    Scenario("a network is made", {"lan": network(f"{LAN}, dhcp: {{from: 10.{{net}}.7.100, "
                                                  "to: 10.{net}.7.200}")}),
    Scenario("a network changes and restarts", before={
        "lan": network(LAN), "web": machine("interfaces: [{name: eth0, network: lan}]")}, after={
        "lan": network("forward: isolated, subnet: 10.{net}.8.0/24"),
        "web": machine("interfaces: [{name: eth0, network: lan}]")},
        argv=("apply", "--restart", "network/*")),
    Scenario("a machine is made", {
        "data": disk("data", "size: 8MiB"), "web": machine(ON_DISK)}),
    Scenario("a machine changes and restarts",
             before={"data": disk("data", "size: 8MiB"), "web": machine(ON_DISK)},
             after={"data": disk("data", "size: 8MiB"),
                    "web": machine(ON_DISK, running=False, cpus=2)},
             argv=("apply", *RESTART)),
    Scenario("a machine gets another name",
             before={"www": machine("disks: [{name: root, size: 8MiB}]", name="name: www",
                                    running=False)},
             after={"web": machine("disks: [{name: root, size: 8MiB}]", running=False,
                                   name="name: web, renamedFrom: www")},
             written=("disks/www-root.qcow2",), stays=marked(ROOT)),
    Scenario("a disk grows under its machine",
             before={"data": disk("data", "size: 8MiB"), "web": machine(ON_DISK, running=False)},
             after={"data": disk("data", "size: 16MiB"), "web": machine(ON_DISK)},
             behind=started, written=(DATA,), stays=marked(DATA)),
    Scenario("a disk is plugged in, a card too", before={
        "data": disk("data", "size: 8MiB"), "web": machine()}, after={
        "data": disk("data", "size: 8MiB"),
        "web": machine(f"{ON_DISK}, interfaces: [{{name: eth0, user: {{}}}}]")},
        written=(), stays=nothing),
    Scenario("a seed is made", {
        "base": image("path: {folder}/base.qcow2"),
        "web": machine("disks: [{name: root, image: base}], "
                       "guest: {method: cloudInit, hostname: web}", running=False)},
        sources=made("qcow2", "base")),
    Scenario("a disk moves to another base", before={
        "base": image("path: {folder}/one.qcow2"),
        "web": machine("disks: [{name: root, image: base, size: 16MiB}]", running=False)}, after={
        "base": image("path: {folder}/two.qcow2"),
        "web": machine("disks: [{name: root, image: base, size: 16MiB}]", running=False)},
        argv=("apply", "--rebase", "disk/web-root"), sources=made("qcow2", "one", "two"),
        written=(ROOT,), stays=marked(ROOT)),
    Scenario("all is destroyed, data too",
             before={"data": disk("data", "size: 8MiB"), "web": machine(ON_DISK)},
             after={"data": disk("data", "size: 8MiB"), "web": machine(ON_DISK)},
             argv=("destroy", "--force-off", "vm/*", "--delete-data", "*"), settles=False),
    Scenario("what is declared no more is pruned",
             before={"data": disk("data", "size: 8MiB"), "lan": network(LAN),
                     "web": machine(f"{ON_DISK}, interfaces: [{{name: eth0, network: lan}}]",
                                    running=False)},
             after={}, argv=("apply", "--prune", "--delete-data", "*"), written=(DATA,),
             stays=marked(DATA)),
    Scenario("the trash is purged",
             before={"data": disk("data", "size: 8MiB"), "more": disk("more", "size: 8MiB")},
             after={}, argv=("purge",), settles=False, stays=emptied,
             behind=pruned),
)
KILLED = ("a machine gets another name",)
FAILING = ("disks are made",)
"""Every point of these in every run."""
DICED = ("disks grow", "a disk is replaced", "a machine is made", "a network is made",
        "a disk moves to another base", "what is declared no more is pruned")
"""Random points of these in every run."""


def chosen(names: Collection[str]) -> list[Scenario]:
    """These; in the long form all."""
    return [one for one in SCENARIOS if scaled(0, 1) or one.name in names]
