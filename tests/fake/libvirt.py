"""A connection to libvirt that answers from a host in memory, as ``host.libvirt.Libvirt`` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fake.host import FakeHost
from tiny_cloud.errors import Failure

Told = dict[str, dict[str, Any]]
"""As virDomainInterfaceAddresses has them in Python, by the device's name."""


@dataclass
class FakeLibvirt:
    host: FakeHost
    told: dict[tuple[str, int], Told] = field(default_factory=dict)
    """By domain and source (libvirt's number)."""
    failing: set[int] = field(default_factory=set)
    """Sources that cannot be asked."""

    @contextmanager
    def domain(self, name: str, doing: str) -> Iterator[FakeDomain]:
        if name not in self.host.domain:
            raise Failure(f"cannot {doing} {name}", detail="Domain not found")
        yield FakeDomain(name, self)


@dataclass
class FakeDomain:
    name: str
    libvirt: FakeLibvirt

    @property
    def live(self) -> str:
        return self.libvirt.host.domain[self.name].live_xml

    def state(self) -> tuple[int, int]:
        """Running since its boot, or shut off by its guest."""
        return (1, 1) if self.live else (5, 1)

    def XMLDesc(self, flags: int) -> str:
        return self.live

    def interfaceAddresses(self, source: int, flags: int) -> Told:
        assert self.live, "libvirt refuses to ask a machine that is off"
        if source in self.libvirt.failing:
            raise Failure("cannot ask", detail="wrong nlmsg len\x1b")
        return self.libvirt.told.get((self.name, source), {})


def device(mac: str, *addresses: str) -> dict[str, Any]:
    """Addresses with their prefix: ``10.0.0.2/24``."""
    pairs = [address.split("/") for address in addresses]
    return {"hwaddr": mac, "addrs": [{"addr": one, "prefix": int(prefix), "type": 0}
                                     for one, prefix in pairs]}
