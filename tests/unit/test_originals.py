"""``import --cloud-yaml``: the file of the program of 2012 becomes manifests that are right."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml

from tests.unit.conftest import Run

# In the form of the original's own cloud.yaml.
ORIGINAL = """\
storage: /tmp/vms
urls:
    lxc: lxc:///
    kvm: qemu:///system
templates:
    kvm: vm_kvm.xml
vms:
    ceph-1:
        eth0: 52:54:00:98:7F:EF, ceph
        images:
            - /srv/images/ceph_1.img
            - /srv/images/ceph_1_data.img
        credentials: ubuntu:hunter2
        opts: virtio
    stack:
        eth0: 52:54:00:98:7F:F3, 192.168.122.10
        eth1: 52:54:00:98:7F:F4, 192.168.152.20, ceph
        image: /srv/images/stack.qcow2
        mem: 4096
        vcpu: 2
        opts: virtio
        colour: red
    Old_One:
        eth0: 00:44:01:61:78:a0
        image: /dev/vg0/old
        credentials: root:hunter2
    box:
        htype: lxc
        image: /var/lib/lxc/box/rootfs
    net:
        type: network
        deb1:
            mem: 256
            eth0: 00:44:01:61:78:02
            image: /srv/images/stack.qcow2
            opts: virtio
networks:
    ceph:
        range: 192.168.152.1 - 192.168.152.255 / 24
        bridge: virbr2
extra: 1
"""


def documents(text: str) -> dict[str, dict[str, object]]:
    found = [one for one in yaml.safe_load_all(text) if one]
    return {f"{one['kind']}/{one['metadata']['name']}": one["spec"] for one in found}


@pytest.fixture
def original(run: Run) -> Run:
    Path("cloud.yaml").write_text(ORIGINAL)
    return run


def test_each_key_has_its_counterpart(original: Run) -> None:
    code, out, _ = original("import", "--cloud-yaml", "cloud.yaml")
    assert code == 0
    assert documents(out) == {
        "Cloud/default": {"connect": "qemu:///system"},
        "Network/ceph": {"subnet": "192.168.152.0/24", "bridge": "virbr2",
                         "dhcp": {"from": "192.168.152.2", "to": "192.168.152.254"}},
        "Image/ceph-1": {"source": {"path": "/srv/images/ceph_1.img"}},
        "Image/ceph-1-data": {"source": {"path": "/srv/images/ceph_1_data.img"}},
        "Image/stack": {"source": {"path": "/srv/images/stack.qcow2"}},
        "Disk/old-one-root": {"external": True, "path": "/dev/vg0/old", "format": "raw"},
        "VirtualMachine/ceph-1": {
            "cpus": 1, "memory": "1GiB",
            "disks": [{"name": "root", "image": "ceph-1"},
                      {"name": "data1", "image": "ceph-1-data"}],
            "interfaces": [{"name": "eth0", "network": "ceph", "mac": "52:54:00:98:7f:ef",
                            "dhcp": True}],
            "guest": {"hostname": "ceph-1", "users": {"ubuntu": {
                "password": {"file": "secrets/ceph-1-ubuntu.txt"}}}}},
        "VirtualMachine/stack": {
            "cpus": 2, "memory": "4GiB", "disks": [{"name": "root", "image": "stack"}],
            "interfaces": [
                {"name": "eth0", "network": "default", "mac": "52:54:00:98:7f:f3",
                 "address": "192.168.122.10/24"},
                {"name": "eth1", "network": "ceph", "mac": "52:54:00:98:7f:f4",
                 "address": "192.168.152.20"}],
            "guest": {"hostname": "stack"}},
        "VirtualMachine/old-one": {
            "cpus": 1, "memory": "1GiB", "machine": "pc",
            "disks": [{"name": "root", "disk": "old-one-root", "bus": "ide"}],
            "interfaces": [{"name": "eth0", "network": "default", "mac": "00:44:01:61:78:a0",
                            "model": "rtl8139"}]},
        "VirtualMachine/net.deb1": {
            "cpus": 1, "memory": "256MiB", "disks": [{"name": "root", "image": "stack"}],
            "interfaces": [{"name": "eth0", "network": "default", "mac": "00:44:01:61:78:02",
                            "dhcp": True}],
            "guest": {"hostname": "net.deb1"}},
    }


def test_what_has_none_is_said_with_its_line(original: Run) -> None:
    err = original("import", "--cloud-yaml", "cloud.yaml")[2]
    for line, word in (
        (1, "storage has no"), (3, "lxc has no counterpart"), (5, "templates has no"),
        (16, "192.168.122.10/24 is a guess"), (15, "stack gets no password"),
        (22, "colour of a machine"), (23, "Old_One is called old-one now"),
        (23, "keeps the settings that are in its disk"), (28, "box is a container"),
        (41, "extra has no counterpart"),
    ):
        assert any(said.startswith(f"Left out: cloud.yaml:{line}:") and word in said
                   for said in err.splitlines()), (line, word)
    places = [int(said.split(":")[2]) for said in err.splitlines() if said.startswith("Left out")]
    assert len(places) > 10 and places == sorted(places)


def test_no_password_is_printed_and_each_has_a_file(original: Run) -> None:
    code, out, err = original("import", "--cloud-yaml", "cloud.yaml")
    assert "hunter2" not in out + err and "secrets/ceph-1-ubuntu.txt is yours to write" in err
    code, out, err = original("import", "--cloud-yaml", "cloud.yaml", "-o", "manifests")
    assert code == 0 and "hunter2" not in out + err
    secret = Path("manifests/secrets/ceph-1-ubuntu.txt")
    assert secret.read_text() == "hunter2\n" and stat.S_IMODE(os.stat(secret).st_mode) == 0o600
    assert not [path for path in Path("manifests").glob("*") if path.is_file()
                and "hunter2" in path.read_text()]


def test_it_is_a_cloud_that_is_valid(original: Run) -> None:
    Path("images").mkdir()
    text = ORIGINAL.replace("/srv/images", str(Path("images").resolve()))
    Path("cloud.yaml").write_text(text)
    for name in ("ceph_1.img", "ceph_1_data.img", "stack.qcow2"):
        Path("images", name).write_text("")
    assert original("import", "--cloud-yaml", "cloud.yaml", "-o", "manifests")[0] == 0
    code, out, err = original("validate")
    assert (code, err) == (0, "") and "in cloud default: valid" in out
    assert original("fmt", "--check") == (0, "", "")


def test_nothing_is_written_over(original: Run) -> None:
    Path("manifests").mkdir()
    Path("manifests/network-ceph.yaml").write_text("mine")
    code, out, err = original("import", "--cloud-yaml", "cloud.yaml", "-o", "manifests")
    assert (code, out) == (1, "") and "network-ceph.yaml is there already" in err
    assert os.listdir("manifests") == ["network-ceph.yaml"]


@pytest.mark.parametrize(("old", "new", "says"), [
    ("range: 192.168.152.1 -", "range: 192.168.1520.1 -", "network ceph has no range"),
    ("mem: 4096", "mem: much", "mem is no number; it is 1024 now"),
    ("192.168.122.10", "999.1.1.1", "999.1.1.1 is no address"),
    ("ubuntu:hunter2", "hunter2", "credentials that are not USER:PASSWORD"),
    ("image: /dev/vg0/old", "image: old", "an image that is no absolute path"),
    ("    bridge: virbr2", "    mtu: 1400", "mtu of a network has no counterpart"),
    ("extra: 1", "    none: 1", "none is no mapping"),
    ("    box:", "    single: 1\n    box:", "single is no machine"),
])
def test_what_is_wrong_in_it_is_said(original: Run, old: str, new: str, says: str) -> None:
    assert old in ORIGINAL
    Path("cloud.yaml").write_text(ORIGINAL.replace(old, new))
    code, _, err = original("import", "--cloud-yaml", "cloud.yaml")
    assert code == 0 and says in err and "hunter2" not in err


@pytest.mark.parametrize(("text", "says"), [
    ("a: 1", "is no cloud.yaml of the original tiny_cloud"), ("[]", "is no cloud.yaml"),
    ("vms: {}\n---\nvms: {}\n", "is no cloud.yaml"), ("vms: [", "this is not YAML"),
])
def test_other_files_are_refused(run: Run, text: str, says: str) -> None:
    Path("cloud.yaml").write_text(text)
    code, out, err = run("import", "--cloud-yaml", "cloud.yaml")
    assert (code, out) == (1, "") and says in err


def test_usage(run: Run) -> None:
    assert run("import", "--cloud-yaml", "cloud.yaml", "--all")[0] == 64
    assert "there is no file or folder cloud.yaml" in run("import", "--cloud-yaml", "cloud.yaml")[2]
    Path("empty").mkdir()
    assert "empty is no file" in run("import", "--cloud-yaml", "empty")[2]
