"""A machine's disks on the network and the passwords that libvirt keeps for them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud import libvirt_secrets, rbd_images
from tiny_cloud.facts import Reader
from tiny_cloud.libvirt_secrets import MISSING, KeptSecret, kept
from tiny_cloud.libvirt_xml import Layer, remotes
from tiny_cloud.model import Action, Change, Ownership, State, Value
from tiny_cloud.naming import was
from tiny_cloud.resource import Resource
from tiny_cloud.schema import secret_of
from tiny_cloud.steps import Step, UndefineSecret

SECRET = ".auth.secret"
"""How the flat fields end that need a secret."""


def layer(machine: Resource, name: str) -> Layer | None:
    """What libvirt is to open for the disk of this name; None: it is not on the network."""
    return next((Layer.at(remote, item.get("format", "raw"))
                 for item, remote in _all(machine) if item["name"] == name), None)


def urls(machine: Resource) -> Mapping[str, tuple[str, ...]]:
    """By the disk's name."""
    return {item["name"]: (remote.url,) for item, remote in _all(machine)}


def completed(machine: Resource, fields: State) -> dict[str, Value]:
    """The declared fields with everything that goes without saying, as the host says it too."""
    told = dict(fields)
    for item, remote in _all(machine):
        path = f"disks[{item['name']}]"
        told = {field: value for field, value in told.items()
                if not field.startswith(f"{path}.{remote.protocol}.")}
        told |= {f"{path}.{word}": value for word, value in remotes.fields(remote)}
        told[f"{path}.format"] = item.get("format", "raw")
    return told | {secret.field: str(secret_of(secret.source)) for secret in _secrets(machine)}


def named(machine: Resource, host: Reader, fields: State) -> dict[str, Value]:
    """The reference of the manifest in the place of a secret's UUID, if it is that very secret."""
    ours = {secret.field: libvirt_secrets.observed(host, secret) for secret in _secrets(machine)
            if fields.get(secret.field) == secret.uuid}
    return {**fields, **ours}


def notes(machine: Resource, host: Reader) -> Iterator[str]:
    for secret in _secrets(machine):
        yield from libvirt_secrets.remarks(host, secret)


def keep(machine: Resource, change: Change) -> Iterator[Step]:
    """The passwords that a definition is going to name."""
    seen = change.observed
    changed = {diff.field for diff in change.diffs}
    for secret in _secrets(machine):
        if seen is None or seen.ownership is not Ownership.OURS or change.former:
            yield secret.define()
        elif secret.field in changed:
            yield secret.define(fresh=seen.fields.get(secret.field, MISSING) == MISSING)


def let_go(machine: Resource, change: Change) -> Iterator[Step]:
    """Those that no definition names any more."""
    seen, before = change.observed, was(machine)
    if seen is not None and seen.ownership is Ownership.OURS:
        there = {field for field in (*seen.fields, *(seen.declared or {}))
                 if field.endswith(SECRET)}
        stays = () if change.action is Action.DELETE else _secrets(machine)
        for field in sorted(there - {secret.field for secret in stays}):
            yield UndefineSecret(_secret(machine, field, {}).uuid)
    if change.former and before is not None:
        yield from (UndefineSecret(secret.uuid) for secret in _secrets(before))


def _secrets(machine: Resource) -> Iterator[KeptSecret]:
    for item in rbd_images.disks(machine):
        for protocol in remotes.SECRETS:
            if source := item.get(protocol, {}).get("auth", {}).get("secret"):
                yield _secret(machine, f"disks[{item['name']}].{protocol}{SECRET}", source)


def _secret(machine: Resource, field: str, source: Mapping[str, Any]) -> KeptSecret:
    protocol = field.removesuffix(SECRET).rpartition(".")[2]
    return kept(machine, field, remotes.SECRETS[protocol], source)


def _all(machine: Resource) -> Iterator[tuple[Mapping[str, Any], remotes.Remote]]:
    uuids = {secret.field: secret.uuid for secret in _secrets(machine)}
    for item in rbd_images.disks(machine):
        words = (uuids.get(f"disks[{item['name']}].{protocol}{SECRET}", "")
                 for protocol in remotes.PROTOCOLS)
        if remote := remotes.declared(item, "".join(words)):
            yield item, remote
