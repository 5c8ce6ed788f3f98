"""A snapshot that somebody deletes while a host is looked at is no reason to fail."""

from dataclasses import dataclass
from typing import Any

import libvirt
import pytest

from tiny_cloud.host.libvirt import LOOKS, _snapshots


@dataclass
class Domain:
    """Somebody deletes its snapshots one by one, each while it is listed."""

    deleted: int

    def listAllSnapshots(self) -> list[Any]:
        return [self] if self.deleted else []

    def getXMLDesc(self, flags: int) -> str:
        self.deleted -= 1
        error = libvirt.libvirtError("no domain snapshot with matching name 'one'")
        error.err = (libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT, 0, "", 2, "", "", "", 0, 0)
        raise error


def test_they_are_listed_again() -> None:
    assert _snapshots(Domain(LOOKS - 1)) == ()


def test_but_not_for_ever() -> None:
    with pytest.raises(libvirt.libvirtError, match="no domain snapshot"):
        _snapshots(Domain(LOOKS))
