"""The secrets of a libvirt connection. Their values go in by its API, never by argv or a file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from msgspec import Struct

from tiny_cloud.facts import SecretFacts
from tiny_cloud.host.libvirt_connection import ignoring, libvirt


class Secrets(Struct, frozen=True):
    connection: Callable[[], Any]
    failing: Callable[[str], AbstractContextManager[None]]
    """libvirt's errors as a Failure to do what the words say."""

    def facts(self) -> dict[str, SecretFacts]:
        """All secrets by UUID, never their values; none where this libvirt keeps no secrets. A
        read-only connection lists them as well."""
        with self.failing("cannot list the secrets"):
            return {one.UUIDString(): SecretFacts(one.UUIDString(), one.usageID() or "")
                    for one in self._list()}

    def define(self, uuid: str, xml: str, value: bytes) -> None:
        """New or in place."""
        with self.failing(f"cannot keep the secret {uuid}"):
            self.connection().secretDefineXML(xml, 0).setValue(value, 0)

    def undefine(self, uuid: str) -> None:
        """One that is not there is fine. What runs goes on with what it was started with."""
        with (self.failing(f"cannot undefine the secret {uuid}"),
              ignoring(libvirt.VIR_ERR_NO_SECRET)):
            self.connection().secretLookupByUUIDString(uuid).undefine()

    def _list(self) -> list[Any]:
        with ignoring(libvirt.VIR_ERR_NO_SUPPORT):
            return list(self.connection().listAllSecrets(0))
        return []
