"""Steps of libvirt's secrets."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tiny_cloud.steps.base import Step


class DefineSecret(Step, frozen=True):
    """Define a secret, new or in place, give libvirt its value, and record the value's crypt hash.

    The hash comes last: a secret without one, or with another, is defined again."""

    uuid: str
    usage_type: str
    """``volume``, ``iscsi``, ``ceph`` or ``tls``; a ``ceph`` key is base64, as in a keyring."""
    xml: str
    secret: Mapping[str, Any]
    """The reference of the manifest: ``{file: …}``, never the value."""
    volume: str = ""
    """An encrypted disk that it has to open: else it is a failure, and nothing is changed."""
    format: str = ""
    """qemu's, of the volume."""
    fresh: bool = False
    """Something that is there gets its first secret: without it, it was in order as well."""

    def undo(self) -> tuple[Step, ...]:
        return (UndefineSecret(self.uuid),) if self.fresh else ()

    def shell(self) -> str:
        (source, value), = self.secret.items()
        how = (f"--plain --file {shlex.quote(str(value))}" if source == "file"
               else f"--interactive  # from {source}")
        return (f"virsh secret-define /dev/stdin <<'EOF'\n{self.xml.rstrip()}\nEOF\n"
                f"virsh secret-set-value {self.uuid} {how}")


class UndefineSecret(Step, frozen=True):
    """One that is not there is fine."""

    uuid: str

    def shell(self) -> str:
        return shlex.join(["virsh", "secret-undefine", self.uuid])
