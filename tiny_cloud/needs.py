"""What a machine needs of its host and the host has not: networks, bridges, devices, files. Pure.

Each is said with the line that asks for it, before anything is begun.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tiny_cloud import rbd_images
from tiny_cloud.errors import Problem
from tiny_cloud.facts import FileFacts, Reader
from tiny_cloud.libvirt_xml import aligned, disk_paths, host_devices, remotes
from tiny_cloud.model import Unknown
from tiny_cloud.networks.cards import socket
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import format_size, parse_size
from tiny_cloud.yaml12 import Path

Lack = tuple[Path, str, str]
"""The path of the field below ``spec``, what the host has not, and how it gets it."""
Taken = Mapping[tuple[str, str], str]
"""The running domain that has a device of the host, by the device."""


def missing(
    host: Reader, machines: Sequence[Resource], ours: Collection[str]
) -> Iterator[Problem]:
    """``ours``: UUIDs and names of their domains; between those a device may be handed over."""
    taken: Taken = {}
    if any("hostDevices" in machine.spec for machine in machines):
        taken = {device: facts.name for facts in host.domains().values()
                 if facts.live_xml and not {facts.uuid, facts.name} & set(ours)
                 for device in host_devices(facts.live_xml)}
    for machine in machines:
        yield from _of(machine, host, taken)
    yield from _servers(host, machines, ours)


def _of(machine: Resource, host: Reader, taken: Taken) -> Iterator[Problem]:
    for at, card in enumerate(machine.spec.get("interfaces", ())):
        yield from _socket(host, machine, at, card)
    for at, item in enumerate(machine.spec.get("hostDevices", ())):
        yield from _device(host, machine, at, item, taken)
    for at, item in enumerate(machine.spec.get("filesystems", ())):
        yield from _folder(host, machine, at, item["path"])
    for path, summary, hint in lacks(machine.spec, host):
        yield from machine.refuse(("spec", *path), summary, hint).problems


def _socket(
    host: Reader, machine: Resource, at: int, card: Mapping[str, Any]
) -> Iterator[Problem]:
    path = ("spec", "interfaces", at)
    name = card.get("network")
    if name and socket(card) not in machine.links and not _is_active(host, name):
        yield from machine.refuse(
            (*path, "network"), f"libvirt has no active network {name}",
            "an ordinary user's libvirt makes no networks: write user: {}"
            if host.cloud.connect.endswith("/session") else
            f"virsh net-start {name}, or name another; virsh net-list shows them",
        ).problems
    if "bridge" in card and card["bridge"] not in host.bridges():
        yield from machine.refuse(
            (*path, "bridge"), f"this host has no bridge {card['bridge']}",
            "ip link show type bridge shows them",
        ).problems
    if "direct" in card and card["direct"]["device"] not in host.devices().cards:
        yield from machine.refuse(
            (*path, "direct", "device"),
            f"this host has no network card {card['direct']['device']}", "ip link shows them",
        ).problems


def _is_active(host: Reader, network: str) -> bool:
    facts = host.networks().get(network)
    return facts is not None and bool(facts.live_xml)


def _device(
    host: Reader, machine: Resource, at: int, item: Mapping[str, Any], taken: Taken
) -> Iterator[Problem]:
    kind = "pci" if "pci" in item else "usb"
    path, name = ("spec", "hostDevices", at, kind), item[kind]
    there, shows = {"pci": (host.devices().pci, "lspci -D"),
                    "usb": (host.devices().usb, "lsusb")}[kind]
    if name not in there:
        yield from machine.refuse(
            path, f"this host has no {kind.upper()} device {name}", f"{shows} shows them").problems
    elif (kind, name) in taken and machine.spec.get("running", True):
        holder = taken[kind, name]
        yield from machine.refuse(
            path, f"the running domain {holder} has the {kind.upper()} device {name}",
            f"virsh shutdown {holder}, or give this machine another").problems


def _servers(
    host: Reader, machines: Sequence[Resource], ours: Collection[str]
) -> Iterator[Problem]:
    """Of the disks on the network that they are to have from now on: whoever runs with one may have
    lost its server for a while, and that is between the two."""
    fresh = [(machine, at, item, remote) for machine in machines
             if machine.spec.get("running", True)
             for at, item in enumerate(rbd_images.disks(machine))
             if (remote := remotes.declared(item)) and not _runs_with(host, machine, remote.url)]
    silent = host.silent([server for *_, remote in fresh for server in remote.servers])
    for machine, at, item, remote in fresh:
        path = ("spec", "disks", at, "disk" if "disk" in item else remote.protocol)
        why = [silent.get(server) for server in remote.servers]
        # A document of its own says itself that it cannot be seen.
        if all(why) and "disk" not in item:
            yield from machine.refuse(
                path, f"the server of {remote.url} does not answer: {why[0]}", "start it, or "
                "correct where it is; a machine with running: false needs none").problems
        user = host.disk_users().get(remote.url)
        shared = item.get("shareable") or item.get("readonly")
        if user and user.running and not shared and not {user.domain, user.uuid} & set(ours):
            yield from machine.refuse(
                path, f"the running domain {user.domain} has {remote.url}", f"virsh shutdown "
                f"{user.domain}, or say that they share it: shareable: true").problems


def _runs_with(host: Reader, machine: Resource, place: str) -> bool:
    facts = host.domains().get(str(machine.provides()["domain"]))
    return facts is not None and bool(facts.live_xml) and place in dict(disk_paths(facts.live_xml))


def _folder(host: Reader, machine: Resource, at: int, folder: str) -> Iterator[Problem]:
    found = host.files([folder])
    where = ("spec", "filesystems", at, "path")
    if folder not in found:
        yield from machine.refuse(
            where, f"this host has no folder {folder}", f"mkdir -p {folder}").problems
    elif isinstance(found[folder], FileFacts):
        yield from machine.refuse(where, f"{folder} is a file, and no folder").problems


def lacks(spec: Mapping[str, Any], host: Reader) -> Iterator[Lack]:
    """What its start would fail for: files of its kernel, huge pages."""
    if spec.get("running", True):
        yield from _kernel(spec.get("kernel", {}), host)
        yield from _pages(spec, host)


def _kernel(kernel: Mapping[str, Any], host: Reader) -> Iterator[Lack]:
    paths = {key: str(kernel[key]) for key in ("path", "initrd") if key in kernel}
    there = host.files(paths.values())
    for key, path in paths.items():
        facts = there.get(path)
        if facts is None:
            yield ("kernel", key), f"there is no file {path}", "ls /boot shows what is there"
        elif isinstance(facts, Unknown):
            yield ("kernel", key), f"{path} cannot be read: {facts.reason}", facts.hint


def _pages(spec: Mapping[str, Any], host: Reader) -> Iterator[Lack]:
    wanted = spec.get("hugepages", False)
    if wanted is False:
        return
    there = host.hugepages()
    sizes = list(there) if wanted is True else [parse_size(wanted["size"])]
    memory = aligned(parse_size(spec["memory"]))
    if any(there.get(size, 0) * size >= memory for size in sizes):
        return
    size = min(sizes, default=0)
    name, short = (format_size(size), -(-memory // size)) if size else ("any size", 0)
    yield (("hugepages",), f"this host has not {format_size(memory)} of huge pages of {name}",
           f"sysctl vm.nr_hugepages={short} sets pages of the usual size aside"
           if short else "this host's kernel has no huge pages")
