"""libvirt's secrets."""

from __future__ import annotations

import base64
import binascii

from tiny_cloud import steps
from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.host import passwords, qemu_img, records, secrets
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.libvirt_secrets import RECORD
from tiny_cloud.model import Address, Secret
from tiny_cloud.schema import secret_of


@do.register(steps.DefineSecret)
def _(step: steps.DefineSecret, host: Hands, progress: Progress) -> None:
    source = secret_of(step.secret)
    plain = secrets.need(source)
    crypt_hash = passwords.hash_password(plain)
    value = _decoded(plain, source) if step.usage_type == "ceph" else plain.encode()
    volume = _opened(step, plain, source) if step.volume else ""
    host.libvirt.secrets.define(step.uuid, step.xml, value)
    record = {"cloud": host.cloud.name, "spec": {}, "metadata": {}, "fields": {},
              "hash": crypt_hash, "volume": volume}
    records.write(host.storage, Address(RECORD, step.uuid), record)


@do.register(steps.UndefineSecret)
def _(step: steps.UndefineSecret, host: Hands, progress: Progress) -> None:
    host.libvirt.secrets.undefine(step.uuid)
    records.drop(host.storage, Address(RECORD, step.uuid))


def _opened(step: steps.DefineSecret, plain: str, source: Secret) -> str:
    """The UUID of the disk that the key opens."""
    if not qemu_img.opens(step.volume, step.format, plain):
        raise Failure(f"the key from {source} does not open {step.volume}",
                      "put the key there that it was made with")
    return qemu_img.info(step.volume, step.format).volume


def _decoded(plain: str, source: Secret) -> bytes:
    try:
        return base64.b64decode(plain, validate=True)
    except binascii.Error:
        summary = f"the secret from {source} is no ceph key"
    # Raised out here, lest the traceback keep what could not be decoded.
    raise Failure(summary, "ceph auth get-key CLIENT prints one, in base64")
