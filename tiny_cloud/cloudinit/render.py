"""A guest's settings become the three files of a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import yaml

from tiny_cloud.cloudinit.base import Renderer, Settings, joined
from tiny_cloud.cloudinit.growth import growth
from tiny_cloud.cloudinit.hostname import hostname
from tiny_cloud.cloudinit.hosts import hosts
from tiny_cloud.cloudinit.identity import identity
from tiny_cloud.cloudinit.kept import kept
from tiny_cloud.cloudinit.network import network_config
from tiny_cloud.cloudinit.users import users

RENDERERS: Mapping[str, Renderer] = {
    "hostname": hostname, "hosts": hosts, "users": users, "growRoot": growth,
}
"""By the field of a Guest; a further setting is one function and one entry."""
ELSEWHERE = ("disk", "machine", "method", "interfaces")
"""Fields that are no cloud-config: interfaces are the network-config."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What is in the seed, by the names that NoCloud looks for."""

    instance_id: str
    """cloud-init does everything that it does once an instance again when this is another."""
    files: Mapping[str, str] = field(repr=False)


def refused(fields: Collection[str]) -> list[str]:
    """Those fields of a Guest that have no meaning in cloud-init."""
    return [name for name in fields if name not in RENDERERS and name not in ELSEWHERE]


def rendered(settings: Settings, disk: str) -> Seed:
    """``disk``: which very disk it is. The same settings for the same disk are the same instance.

    Raises Failure for interfaces and hosts that are none."""
    pieces = (render(settings) for render in RENDERERS.values())
    config = joined([kept(), identity(disk), *pieces])
    files = {"user-data": f"#cloud-config\n{_yaml(config)}"}
    if cards := network_config(settings):
        files["network-config"] = cards
    text = json.dumps([disk, files], sort_keys=True)
    name = f"tinycloud-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    host = {"local-hostname": settings["hostname"]} if settings.get("hostname") else {}
    return Seed(name, {**files, "meta-data": _yaml({"instance-id": name, **host})})


def _yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, default_flow_style=False, width=1000)
    return text
