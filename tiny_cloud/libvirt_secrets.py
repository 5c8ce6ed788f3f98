"""Secrets that libvirt keeps for a thing of the cloud: a disk's key, a password of a server. Pure.

A definition names a secret by its UUID alone. libvirt tells nobody its value; whether it is the
declared one is known by the crypt hash in the secret's own record (``records/secret-UUID.json``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from tiny_cloud import schema
from tiny_cloud.facts import Reader
from tiny_cloud.libvirt_xml import derive_uuid, secret_xml
from tiny_cloud.model import Address, Value
from tiny_cloud.resource import Resource
from tiny_cloud.steps import DefineSecret

RECORD = "secret"
"""The kind in the address of a secret's record."""
MISSING = "(missing)"
"""Stands for a secret that libvirt does not have."""
ANOTHER = "(another)"
"""Stands for a secret that is not the declared one; neither is ever shown."""
UNKNOWN = "(unknown)"
"""Stands for a secret of which no hash is recorded."""


class KeptSecret(Struct, frozen=True):
    """A field of a manifest that libvirt needs as a secret of its own."""

    uuid: str
    usage_type: str
    """``volume``, ``iscsi``, ``ceph`` or ``tls``."""
    usage: str
    """Unique among those of its type: ``tinycloud CLOUD KIND/NAME FIELD``."""
    field: str
    """Flat: ``encryption.secret``."""
    source: Mapping[str, Any]
    """The manifest's reference: ``{file: …}``, env or command."""

    def define(
        self, volume: str = "", format: str = "", *, fresh: bool = False
    ) -> DefineSecret:
        """``volume``: an encrypted disk that the secret has to open, in qemu's ``format``;
        ``fresh``: what it is for goes without it."""
        words = f"{self.usage.removeprefix('tinycloud ')}, kept by tinycloud"
        xml = secret_xml(self.uuid, self.usage_type, self.usage, words)
        return DefineSecret(
            self.uuid, self.usage_type, xml, self.source, volume, format, fresh)


def kept(
    resource: Resource, field: str, usage_type: str, source: Mapping[str, Any]
) -> KeptSecret:
    """The secret for a field of a thing; works on what was rebuilt from a record as well."""
    usage = f"tinycloud {resource.context.cloud.name} {resource.address} {field}"
    return KeptSecret(uuid_of(resource, field), usage_type, usage, field, source)


def uuid_of(resource: Resource, field: str) -> str:
    """Of the secret for a field, whether there is one or not."""
    cloud = resource.context.cloud
    return derive_uuid(cloud.seed, cloud.name, f"{resource.address} {field}")


def is_defined(host: Reader, secret: KeptSecret) -> bool:
    facts = host.libvirt_secrets().get(secret.uuid)
    return facts is not None and facts.usage == secret.usage


def observed(host: Reader, secret: KeptSecret, volume: str = "") -> Value:
    """What the field is, in the terms of ``Resource.desired``: the declared reference if libvirt
    has that very secret (also if the reference leads to nothing now: see ``remarks``).

    ``volume``: the UUID of the encrypted disk that is there; what is recorded may be the key of
    another one, which was to take its place."""
    record = _record(host, secret)
    same = _same(host, secret)
    if record and (same is False or record.get("volume", "") != volume):
        return ANOTHER
    if not is_defined(host, secret):
        return MISSING
    return str(schema.secret_of(secret.source)) if record else UNKNOWN


def remarks(host: Reader, secret: KeptSecret) -> Iterator[str]:
    if _record(host, secret) and _same(host, secret) is None:
        source = schema.secret_of(secret.source)
        yield f"{secret.field} is not compared: the secret from {source} is not there"


def _record(host: Reader, secret: KeptSecret) -> Mapping[str, Any]:
    """Empty: nothing is known of its value."""
    record = host.records().get(Address(RECORD, secret.uuid), {})
    return record if isinstance(record.get("hash"), str) else {}


def _same(host: Reader, secret: KeptSecret) -> bool | None:
    """None: nothing is recorded, or the secret is not there now."""
    record = _record(host, secret)
    return host.secret_is(schema.secret_of(secret.source), record["hash"]) if record else None
