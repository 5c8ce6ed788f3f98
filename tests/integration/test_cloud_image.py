"""An image with cloud-init and netplan: what counts is what the manifest says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.lab import Console, Lab

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_cloud_init_does_not_overrule_the_manifest(
    debian_cloud: Path, lab: Callable[[str], Lab]
) -> None:
    cloud = lab("tctinit")
    cloud.secret("root.txt", "another password")
    cloud.write("image", f"""
        kind: Image
        metadata: {{name: debian-cloud}}
        spec: {{source: {{path: {debian_cloud}}}}}
    """)
    cloud.write("db", """
        kind: VirtualMachine
        metadata: {name: db}
        spec:
          cpus: 1
          memory: 512MiB
          disks: [{name: root, image: debian-cloud, size: 4GiB}]
          interfaces:
            - name: lan0
              user: {}
              address: 10.0.2.99/24
              gateway: 10.0.2.2
              dns: [10.0.2.3]
              addresses: [10.0.2.98/24, "fd00:99::2/64"]
              gateway6: fd00:99::1
              mtu: 1400
              routes: [{to: 10.77.0.0/16, via: 10.0.2.9, metric: 50}]
              vlans: [{name: storage, id: 10, address: 10.10.0.2/24}]
          guest:
            hostname: db
            users: {root: {password: {file: secrets/root.txt}}}
    """)
    cloud.apply()
    cloud.assert_settled()
    console = Console(cloud.domain("db"))
    try:
        console.login("db", "root", "another password")
        assert console.run("hostname") == "db"
        addresses = console.run("ip -brief address show lan0; ip -6 route show default")
        for text in ("10.0.2.99/24", "10.0.2.98/24", "fd00:99::2/64", "via fd00:99::1"):
            assert text in addresses
        route = console.run("ip route show 10.77.0.0/16; cat /sys/class/net/lan0/mtu")
        assert "via 10.0.2.9" in route and "metric 50" in route and route.endswith("1400")
        vlan = console.run("ip -d link show storage; ip -4 -brief address show storage")
        assert "vlan protocol 802.1Q id 10 " in vlan and "10.10.0.2/24" in vlan
        assert "via 10.0.2.2" in console.run("ip -4 route show default")
        assert "10.0.2.3" in console.run("resolvectl dns lan0 2>/dev/null || cat /etc/resolv.conf")
        assert int(console.run("df -B1 --output=size / | tail -n 1")) > 3.5 * (1 << 30)
    finally:
        console.close()
    cloud.run("destroy", "--yes", "--force-off", "vm/db")
