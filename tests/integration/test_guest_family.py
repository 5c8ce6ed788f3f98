"""A system of another family, in an appliance: what inspection calls it, and labels for real.

Its tree is made by hand and cannot boot. What is in it is read without libguestfs, by debugfs(8).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tiny_cloud.host import guest
from tiny_cloud.steps import EditGuest

pytestmark = pytest.mark.integration

ENVIRON = {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
FILES = {
    "etc/os-release": 'ID=fedora\nVERSION_ID=40\nPRETTY_NAME="Fedora Linux 40"\n',
    "etc/fedora-release": "Fedora release 40 (Forty)\n",
    "etc/fstab": "",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/hostname": "fedora\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/shadow": "root:*:19700:0:99999:7:::\n",
    "etc/group": "root:x:0:\n",
    "etc/shells": "/bin/bash\n",
    "etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
    "etc/selinux/targeted/contexts/files/file_contexts":
        "/etc/.*\tsystem_u:object_r:etc_t:s0\n"
        "/etc/NetworkManager/system-connections(/.*)?\tsystem_u:object_r:NetworkManager_etc_rw_t:s0\n"
        "/etc/hostname\t--\tsystem_u:object_r:hostname_etc_t:s0\n"
        "/home/[^/]+\t-d\tunconfined_u:object_r:user_home_dir_t:s0\n",
    "usr/sbin/NetworkManager": "",
    "usr/lib/systemd/systemd": "",
}
CONNECTION = "/etc/NetworkManager/system-connections/tinycloud-eth0.nmconnection"


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("family")
    for name, text in FILES.items():
        file = folder / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for name in ("usr/bin", "home", "root", "etc/systemd/system/multi-user.target.wants"):
        (folder / "tree" / name).mkdir(parents=True)
    (folder / "tree/bin").symlink_to("usr/bin")
    disk = folder / "fedora.raw"
    subprocess.run(("mke2fs", "-q", "-t", "ext4", "-d", folder / "tree", disk, "64M"), check=True)
    step = EditGuest("guest/web", str(disk), "raw", {
        "hostname": "web.lab.example",
        "users": {"koder": {"password": {"env": "KODER"}}},
        "interfaces": [{"name": "eth0", "mac": "52:54:00:12:34:56", "address": "10.0.2.15/24"}],
    }, fresh=True)
    told: list[str] = []
    guest.edit(step, secret=lambda _: "battery staple", environ=ENVIRON,
               progress=told.append)
    return disk, told


def inside(disk: Path, request: str) -> str:
    return subprocess.run(("debugfs", "-R", request, disk), check=True, capture_output=True,
                          text=True).stdout


def test_its_own_way_is_written(edited: tuple[Path, list[str]]) -> None:
    disk, told = edited
    assert told[-1].endswith("files and folders into fedora 40.0")
    text = inside(disk, f"cat {CONNECTION}")
    assert "mac-address=52:54:00:12:34:56\n" in text and "address1=10.0.2.15/24\n" in text
    assert "Mode:  0600" in inside(disk, f"stat {CONNECTION}")
    assert inside(disk, "cat /etc/hostname") == "web.lab.example\n"
    assert inside(disk, "cat /etc/hosts") == FILES["etc/hosts"]
    assert "koder:$y$" in inside(disk, "cat /etc/shadow")


@pytest.mark.parametrize(("path", "label"), [
    (CONNECTION, "system_u:object_r:NetworkManager_etc_rw_t:s0"),
    ("/etc/systemd/network/10-tinycloud-eth0.link", "system_u:object_r:etc_t:s0"),
    ("/home/koder", "unconfined_u:object_r:user_home_dir_t:s0"),
    ("/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
     "system_u:object_r:etc_t:s0"),
])
def test_what_is_new_is_labelled(
    edited: tuple[Path, list[str]], path: str, label: str
) -> None:
    assert label in inside(edited[0], f"ea_get {path} security.selinux")


def test_what_was_there_keeps_what_it_had(edited: tuple[Path, list[str]]) -> None:
    assert "selinux" not in inside(edited[0], "ea_list /etc/hostname")
