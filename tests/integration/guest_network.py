"""One network for a guest, whatever sets it up in there: as it is declared, and as it is then."""

from __future__ import annotations

from collections.abc import Callable

CARD = """{name: lan0, user: {}, address: 10.0.2.99/24, gateway: 10.0.2.2, dns: [10.0.2.3],
          addresses: [10.0.2.98/24, "fd00:99::2/64"], gateway6: "fd00:99::1", mtu: 1400,
          routes: [{to: 10.77.0.0/16, via: 10.0.2.9, metric: 50}],
          vlans: [{name: storage, id: 10, address: 10.10.0.2/24}]}"""
"""An item of ``interfaces``, in flow style: it may stand in a document of any indentation."""


def assert_up(run: Callable[[str], str]) -> None:
    """``run``: a command on the guest's console, and what it said."""
    addresses = run("ip -brief address show lan0; ip -6 route show default")
    for text in ("10.0.2.99/24", "10.0.2.98/24", "fd00:99::2/64", "via fd00:99::1"):
        assert text in addresses
    route = run("ip route show 10.77.0.0/16; cat /sys/class/net/lan0/mtu")
    assert "via 10.0.2.9" in route and "metric 50" in route and route.endswith("1400")
    vlan = run("ip -d link show storage; ip -4 -brief address show storage")
    assert "vlan protocol 802.1Q id 10 " in vlan and "10.10.0.2/24" in vlan
    assert "via 10.0.2.2" in run("ip -4 route show default")
    assert "10.0.2.3" in run("resolvectl dns lan0 2>/dev/null || cat /etc/resolv.conf")
