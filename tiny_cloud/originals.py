"""The ``cloud.yaml`` of the program of 2012 as manifests. Pure.

It had one file for everything: libvirt's URI for each type of hypervisor, machines (some in
groups), networks. Its images were written into in place; here an image becomes a base, which stays
as it is, and each machine gets an overlay of it. What has no counterpart is said with its line.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct, field

from tiny_cloud.document import Document
from tiny_cloud.errors import Problem, Problems, Span
from tiny_cloud.foreign.names import valid
from tiny_cloud.sizes import format_size
from tiny_cloud.texts import Text
from tiny_cloud.yaml12 import Path, Source, Tree, trees

CLOUD = "default"
"""Its machines were called by libvirt as in the file, and so are those of this cloud."""
MEMORY, CPUS = 1024, 1
"""MiB, and processors, of a machine that says nothing of them."""
NETWORK = "default"
HANDLED = frozenset({"mem", "vcpu", "htype", "credentials", "image", "images", "opts", "type"})
LEFT = {
    "storage": "it was for temporary files; a Cloud has storage for its images and disks",
    "template": "what is in there beside what the fields of a machine say goes into spec.xml",
    "templates": "what is in there beside what the fields of a machine say goes into spec.xml",
    "networks": "", "vms": "", "uri": "", "urls": "",
}
"""Keys of the file itself, and why they are left out (empty: they are not)."""
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
_CARD = re.compile(r"eth\d+")
_RANGE = re.compile(r"\s*(\S+)\s*-\s*(\S+)\s*/\s*(\d+)\s*")


class Translated(Struct, frozen=True):
    documents: tuple[Document, ...]
    left: tuple[str, ...]
    """Sentences, each with its place."""
    secrets: Mapping[str, str]
    """What passwords are to be put into which files, relative to the manifests."""


def translated(text: Text) -> Translated:
    """Raises Problems if the file cannot be read, or is none of that program."""
    source = Source(text.name, text.content)
    found = list(trees(source))
    if source.problems:
        raise Problems(source.problems)
    if len(found) != 1 or not isinstance(found[0].value, dict) or "vms" not in found[0].value:
        raise Problems([Problem(f"{text.name} is no cloud.yaml of the original tiny_cloud", None,
                                "that has vms: at its top, and networks:, urls: and templates:")])
    return _Translation(found[0]).whole()


class _Translation(Struct):
    tree: Tree
    left: list[tuple[Span, str]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    images: dict[str, Document] = field(default_factory=dict)
    """By path."""
    names: set[str] = field(default_factory=set)

    def whole(self) -> Translated:
        body = self.tree.value
        for key in body:
            if why := LEFT.get(key, "nothing is known of it"):
                self.leave((key,), f"{key} has no counterpart: {why}")
        networks = [self.network(name, ("networks", name))
                    for name in self.mapping(("networks",))]
        machines = list(self.machines(("vms",), ""))
        found = (*self.cloud(), *(one for one in networks if one), *self.images.values(), *machines)
        left = (f"{span}: {why}" for span, why in sorted(self.left))
        return Translated(found, tuple(left), self.secrets)

    def leave(self, path: Path, why: str) -> None:
        self.left.append((self.tree.keys.get(path) or self.tree.spans[path], why))

    def at(self, path: Path) -> Any:
        value = self.tree.value
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def mapping(self, path: Path) -> Mapping[str, Any]:
        value = self.at(path)
        if value is not None and not isinstance(value, dict):
            self.leave(path, f"{path[-1]} is no mapping")
        return value if isinstance(value, dict) else {}

    def cloud(self) -> Iterator[Document]:
        urls = self.mapping(("urls",))
        for kind in urls:
            if kind != "kvm":
                self.leave(("urls", kind), f"{kind} has no counterpart: machines are qemu's alone")
        if isinstance(uri := urls.get("kvm", self.at(("uri",))), str):
            yield _found("Cloud", CLOUD, {"connect": uri})

    def network(self, name: str, path: Path) -> Document | None:
        """The host had an address in the middle of what it gave out: here it has the first."""
        said = _RANGE.fullmatch(str(self.mapping(path).get("range", "")))
        try:
            first, last = (ipaddress.IPv4Address(said[at] if said else "") for at in (1, 2))
            subnet = ipaddress.IPv4Network(f"{first}/{said[3] if said else ''}", strict=False)
        except ValueError:
            self.leave(path, f"network {name} has no range such as 10.1.0.2 - 10.1.0.254 / 24")
            return None
        lowest, highest = subnet.network_address + 2, subnet.broadcast_address - 1
        spec: dict[str, Any] = {"subnet": str(subnet), "dhcp": {
            "from": str(max(first, lowest)), "to": str(min(last, highest))}}
        for key, value in self.mapping(path).items():
            if key == "bridge" and isinstance(value, str):
                spec["bridge"] = value.strip()
            elif key != "range":
                self.leave((*path, key), f"{key} of a network has no counterpart")
        return _found("Network", valid(name), spec)

    def machines(self, path: Path, prefix: str) -> Iterator[Document]:
        for name, value in self.mapping(path).items():
            below = (*path, name)
            if isinstance(value, dict) and value.get("type") == "network":
                yield from self.machines(below, f"{prefix}{name}.")
            elif isinstance(value, dict):
                yield from self.machine(f"{prefix}{name}", below)
            elif name != "type" or not prefix:
                self.leave(below, f"{name} is no machine")

    def machine(self, called: str, path: Path) -> Iterator[Document]:
        fields = self.mapping(path)
        if fields.get("htype", "kvm") != "kvm":
            self.leave((*path, "htype"), f"{called} is a container, and these are machines")
            return
        name = valid(called, self.names)
        self.names.add(name)
        if name != called:
            self.leave(path, f"{called} is called {name} now")
        old = "virtio" not in str(fields.get("opts", "")).split()
        cards = [self.card(key, (*path, key), old) for key in fields if _CARD.fullmatch(key)]
        disks = list(self.disks(path, name, old))
        spec = {
            "cpus": self.number((*path, "vcpu"), CPUS),
            "memory": format_size(self.number((*path, "mem"), MEMORY) << 20),
            **({"machine": "pc"} if old else {}),  # q35 has no IDE
            "disks": disks,
            "interfaces": cards,
        }
        if disks and "image" in disks[0]:
            spec["guest"] = {"hostname": re.sub(r"[^a-zA-Z0-9.-]", "-", called),
                             **self.users(path, name)}
        else:
            # Nothing is written into what is not ours.
            for key in ("address", "dhcp"):
                for card in cards:
                    card.pop(key, None)
            self.leave(path, f"{called} keeps the settings that are in its disk: none are written")
        for key in fields:
            if key not in HANDLED and not _CARD.fullmatch(key):
                self.leave((*path, key), f"{key} of a machine has no counterpart")
        yield _found("VirtualMachine", name, {key: value for key, value in spec.items() if value})

    def number(self, path: Path, default: int) -> int:
        value = self.at(path)
        if isinstance(value, int) and value > 0:
            return value
        if value is not None:
            self.leave(path, f"{path[-1]} is no number; it is {default} now")
        return default

    def card(self, name: str, path: Path, old: bool) -> dict[str, Any]:
        """``MAC[, IP][, network]`` in any order."""
        card: dict[str, Any] = {"name": name, "network": NETWORK}
        for word in str(self.at(path)).split(","):
            said = word.strip()
            if _MAC.fullmatch(said):
                card["mac"] = said.lower()
            elif not re.fullmatch(r"[0-9.]+", said):
                card["network"] = valid(said) if said in self.mapping(("networks",)) else said
            elif _is_address(said):
                card["address"] = said
            else:
                self.leave(path, f"{said} is no address")
        if "address" not in card:
            card["dhcp"] = True
        elif card["network"] not in {valid(one) for one in self.mapping(("networks",))}:
            card["address"] += "/24"
            self.leave(path, f"{card['address']} is a guess: the host's network {card['network']} "
                             "may have another prefix")
        return {**card, **({"model": "rtl8139"} if old else {})}

    def disks(self, path: Path, machine: str, old: bool) -> Iterator[dict[str, Any]]:
        many = self.at((*path, "images"))
        paths = [self.at((*path, "image"))] if many is None else many
        bus = {"bus": "ide"} if old else {}
        for at, image in enumerate(paths if isinstance(paths, list) else [paths]):
            name = "root" if at == 0 else f"data{at}"
            if not isinstance(image, str) or not image.startswith("/"):
                self.leave(path, f"{machine} has an image that is no absolute path")
            elif image.startswith("/dev/"):
                disk = _found("Disk", valid(f"{machine}-{name}"),
                              {"external": True, "path": image, "format": "raw"})
                yield {"name": name, "disk": self.images.setdefault(image, disk).name,
                       **bus}
            else:
                taken = {one.name for one in self.images.values()}
                base = _found("Image", valid(PurePosixPath(image).stem, taken),
                              {"source": {"path": image}})
                yield {"name": name, "image": self.images.setdefault(image, base).name,
                       **bus}

    def users(self, path: Path, machine: str) -> dict[str, Any]:
        """No password stands in a manifest: it goes into a file of its own."""
        said = self.at((*path, "credentials"))
        user, colon, password = str(said).partition(":")
        if said is None or not (user and colon and password):
            self.leave(path, f"{machine} gets no password: without credentials it had root:root"
                       if said is None else f"{machine} has credentials that are not USER:PASSWORD")
            return {}
        file = f"secrets/{machine}-{valid(user)}.txt"
        self.secrets[file] = password
        return {"users": {user: {"password": {"file": file}}}}


def _found(kind: str, name: str, spec: Mapping[str, Any]) -> Document:
    return Document(kind, name, {"name": name}, spec)


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.IPv4Address(text))
    except ValueError:
        return False
