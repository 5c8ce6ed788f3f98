"""How a card is set up inside its guest: what goes to the machine, and what to the guest."""

from __future__ import annotations

import textwrap

import pytest

from tests.unit.cloud import IMAGE, fake_host, load, settle
from tiny_cloud.model import Address

MACHINE = """
kind: VirtualMachine
metadata: {{name: web}}
spec:
  cpus: 1
  memory: 64MiB
  disks: [{{name: root, image: debian, size: 4GiB}}]
  interfaces: [{card}]
"""


def fields(card: str) -> tuple[dict[str, object], dict[str, object]]:
    """Those of eth0: of the machine, and of the guest."""
    loaded = load(IMAGE, textwrap.dedent(MACHINE.format(card=card)))
    found = {resource.address: resource.desired() for resource in loaded.resources}
    machine, guest = (found[Address(kind, "web")] for kind in ("virtualmachine", "guest"))
    prefix = "interfaces[eth0]."
    return tuple({name.removeprefix(prefix): value for name, value in state.items()
                  if name.startswith(prefix)} for state in (machine, guest))


@pytest.mark.parametrize(("card", "outside", "inside"), [
    ("user: {}", None, 1400), ("bridge: br0", 1400, None), ("direct: {device: eno1}", None, 1400),
])
def test_the_mtu_is_libvirts_where_libvirt_can_set_it(
    card: str, outside: int | None, inside: int | None
) -> None:
    machine, guest = fields(f"{{name: eth0, {card}, mtu: 1400, dhcp: true}}")
    assert (machine.get("mtu"), guest.get("mtu")) == (outside, inside)


def test_what_is_inside_is_the_guests_alone() -> None:
    machine, guest = fields("""{name: eth0, user: {}, address: 10.0.2.15/24, acceptRA: false,
        addresses: ["fd00::2/64"], gateway6: "fd00::1", routes: [{to: 10.1.0.0/16, via: 10.0.2.9}],
        vlans: [{name: eth0.10, id: 10, address: 10.10.0.2/24}]}""")
    assert guest == {
        "address": "10.0.2.15/24", "acceptRA": False, "addresses": ("fd00::2/64",),
        "gateway6": "fd00::1", "routes": ('{"to":"10.1.0.0/16","via":"10.0.2.9"}',),
        "vlans[eth0.10].id": 10, "vlans[eth0.10].address": "10.10.0.2/24"}
    assert not machine.keys() & {"addresses", "gateway6", "acceptRA", "routes"}
    assert not any(name.startswith("vlans") for name in machine)


def test_it_settles() -> None:
    host = fake_host()
    settle(host, IMAGE, textwrap.dedent(MACHINE.format(card="""{name: eth0, user: {}, mtu: 1400,
        dhcp: true, acceptRA: true, vlans: [{name: eth0.10, id: 10, dhcp6: true}]}""")))
