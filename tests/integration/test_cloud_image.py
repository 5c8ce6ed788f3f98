"""An image with cloud-init and netplan: what counts is what the manifest says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from tests.integration.guest_network import CARD, assert_up
from tests.integration.lab import Console, Lab, virsh

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
          interfaces: [CARD]
          guest:
            hostname: db
            users: {root: {password: {file: secrets/root.txt}}}
    """.replace("CARD", CARD))
    cloud.apply()
    cloud.assert_settled()
    console = Console(cloud.domain("db"))
    try:
        console.login("db", "root", "another password")
        assert console.run("hostname") == "db"
        assert_up(console.run)
        assert int(console.run("df -B1 --output=size / | tail -n 1")) > 3.5 * (1 << 30)
    finally:
        console.close()
    cloud.run("destroy", "--yes", "--force-off", "vm/db")


SEEDED = dedent("""
    kind: VirtualMachine
    metadata: {name: web}
    spec:
      cpus: 1
      memory: 512MiB
      disks: [{name: root, image: debian-cloud, size: 4GiB}]
      interfaces:
        - {name: lan0, user: {}, address: 10.0.2.99/24, gateway: 10.0.2.2, dns: [10.0.2.3]}
      guest:
        method: cloudInit
        hostname: NAME
        hosts: [{address: 10.0.2.20, names: [printer]}]
        users:
          root: {password: {file: secrets/root.txt}}
          koder: {password: {file: secrets/koder.txt}, groups: [users], shell: /bin/sh}
""")


def seed(cloud: Lab, file: str) -> str:
    """A file of the seed, as another program reads it."""
    path = str(cloud.storage / "seeds/web.iso")
    assert said("blkid", "--output", "value", "--match-tag", "LABEL", path) == "cidata\n"
    return said("7zz", "x", "-so", path, file)


def said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.mark.long
def test_the_same_settings_by_way_of_cloud_init(
    debian_cloud: Path, lab: Callable[[str], Lab]
) -> None:
    cloud = lab("tctcseed")
    cloud.secret("root.txt", "another password")
    cloud.secret("koder.txt", "battery staple")
    cloud.write("image", f"""
        kind: Image
        metadata: {{name: debian-cloud}}
        spec: {{source: {{path: {debian_cloud}}}}}
    """)
    cloud.write("web", SEEDED.replace("NAME", "web.lab.example"))
    cloud.apply()
    cloud.assert_settled()
    first = yaml.safe_load(seed(cloud, "meta-data"))
    users = {user["name"]: user for user in yaml.safe_load(seed(cloud, "user-data"))["users"]}
    assert users["root"]["hashed_passwd"].startswith("$6$")
    assert "another password" not in (cloud.storage / "seeds/web.iso").read_text("latin-1")
    assert (cloud.storage / "seeds/web.iso").stat().st_mode & 0o777 == 0o600
    cloud.hears("web", " finished at ")
    console = Console(cloud.domain("web"))
    try:
        console.login("web", "root", "another password")
        assert '"errors": []' in console.run("cat /run/cloud-init/result.json")
        assert console.run("hostname; hostname --fqdn").split() == ["web", "web.lab.example"]
        assert console.run("id -nG koder; getent passwd koder | cut -d: -f 7").split() == [
            "koder", "users", "/bin/sh"]
        assert "10.0.2.99/24" in console.run("ip -4 -brief address show lan0")
        assert "via 10.0.2.2" in console.run("ip -4 route show default")
        assert console.run("getent hosts printer").split() == ["10.0.2.20", "printer"]
        keys = console.run("cat /etc/ssh/ssh_host_*.pub")
        assert len(keys.splitlines()) == 3
        assert "Valid" in console.run("cloud-init schema --system")
    finally:
        console.close()

    cloud.write("web", SEEDED.replace("NAME", "www"))
    cloud.apply()
    assert yaml.safe_load(seed(cloud, "meta-data"))["instance-id"] != first["instance-id"]
    assert "waits for a restart" in str(cloud.plan()["notes"])
    virsh("destroy", cloud.domain("web"))
    cloud.apply()
    console = Console(cloud.domain("web"))
    try:
        console.login("www", "koder", "battery staple")
        console.run("cloud-init status --wait >/dev/null")
        assert console.run("hostname") == "www"
        assert console.run("grep -c printer /etc/hosts") == "1"
        assert console.run("cat /etc/ssh/ssh_host_*.pub") == keys
    finally:
        console.close()
    cloud.assert_settled()
    cloud.run("destroy", "--yes", "--force-off", "vm/web", "--delete-data", "disk/web-root")
    assert not (cloud.storage / "seeds/web.iso").exists()
