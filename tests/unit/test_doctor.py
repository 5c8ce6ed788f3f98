"""What doctor makes of what a host says; the real host is asked in tests/integration."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from tests.unit.conftest import Run
from tiny_cloud import abilities
from tiny_cloud.abilities import ABILITIES, family
from tiny_cloud.errors import Failure
from tiny_cloud.host import doctor
from tiny_cloud.schema.files import whole

MANIFEST = """\
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {name: web}
spec:
  cpus: 1
  memory: 64MiB
  firmware: efi
  tpm: {model: tpm-crb}
  disks: [{name: root, size: 1GiB}, {name: far, rbd: {pool: p, image: i, monitors: ['[::1]']}}]
  filesystems: [{name: share, path: /srv}]
---
apiVersion: tinycloud/v1
kind: Network
metadata: {name: lab}
spec: {subnet: 10.0.0.0/24}
"""
GUEST = """\
---
apiVersion: tinycloud/v1
kind: Image
metadata: {name: built}
spec: {source: {debootstrap: {suite: bookworm}}}
---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {name: db}
spec:
  cpus: 1
  memory: 64MiB
  accel: kvm
  disks: [{name: root, image: built, size: 2GiB}]
  guest: {hostname: db, method: cloudInit}
---
apiVersion: tinycloud/v1
kind: LogicalVolume
metadata: {name: data}
spec: {volumeGroup: vg0, size: 1GiB}
"""
Answers = Callable[[str], None]


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """A host of Debian's that has everything but what is named."""
    def missing(*names: str) -> None:
        def answer(name: str) -> doctor.Answer:
            if name in names:
                raise Failure(f"{name} is not installed", "apt install it", "said\nits last\n")
            return True, "1.0", ""
        checks = {one.name: lambda host, name=one.name: answer(name) for one in ABILITIES}
        monkeypatch.setattr(doctor, "CHECKS", checks)
        monkeypatch.setattr(doctor, "_os_release", lambda: "ID=debian\n")
    return missing  # type: ignore[return-value]


def test_every_ability_is_asked_for() -> None:
    assert set(doctor.CHECKS) == {one.name for one in ABILITIES}


def test_what_the_manifests_need_is_a_failure(run: Run, lacking: Answers) -> None:
    Path("a.yaml").write_text(MANIFEST)
    lacking("swtpm")
    code, out, err = run("doctor", "a.yaml")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("✘"))
    assert [line.strip() for line in lines[at:at + 3]] == [
        "✘ swtpm          swtpm is not installed: its last",
        "for emulated TPMs; needed by virtualmachine/web",
        "apt install swtpm swtpm-tools",
    ]
    assert lines[-1] == "1 of what the manifests need is missing."


def test_what_nobody_needs_is_a_hint(run: Run, lacking: Answers) -> None:
    Path("a.yaml").write_text(MANIFEST)
    lacking("lvm", "nbdkit")
    code, out, _ = run("doctor", "a.yaml")
    assert code == 0 and "✘" not in out and "· lvm " in out
    assert out.endswith("All that is declared can be done here. 2 more are not there.\n")


def test_without_manifests_everything_is_a_hint(run: Run, lacking: Answers) -> None:
    lacking("libvirt")
    code, out, err = run("doctor")
    assert (code, err) == (0, "") and "· libvirt " in out
    assert out.endswith("Nothing is declared that needs any of it. 1 more is not there.\n")


def test_broken_manifests_are_told_of(run: Run, lacking: Answers) -> None:
    lacking()
    Path("a.yaml").write_text(MANIFEST.replace("cpus", "cpu"))
    code, out, err = run("doctor", "a.yaml")
    assert (code, out) == (1, "") and "VirtualMachine.spec needs cpus" in err


def test_json_has_the_form_of_its_schema(run: Run, lacking: Answers) -> None:
    Path("a.yaml").write_text(MANIFEST + GUEST)
    lacking("ovmf", "ssh")
    code, out, _ = run("doctor", "a.yaml", "-o", "json")
    document = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(whole("doctor"))
    jsonschema.validate(document, whole("doctor"))
    found = {one["ability"]: one for one in document["findings"]}
    assert code == 1 and document["able"] is False
    assert found["ovmf"]["neededBy"] == ["virtualmachine/web"]
    assert found["ssh"]["remedy"] == "apt install openssh-client"


def test_who_needs_what(run: Run, lacking: Answers) -> None:
    Path("a.yaml").write_text(MANIFEST + GUEST)
    lacking()
    document = json.loads(run("doctor", "a.yaml", "-o", "json")[1])
    needed = {one["ability"]: one["neededBy"] for one in document["findings"]}
    machines = ["virtualmachine/web", "virtualmachine/db"]
    assert sorted(needed["qemu"]) == sorted(machines)
    assert sorted(needed["libvirt"]) == sorted(["network/lab", *machines])
    assert sorted(needed["qemu-img"]) == ["disk/db-root", "disk/web-root", "image/built"]
    for name, users in {
        "kvm": ["virtualmachine/db"], "ovmf": ["virtualmachine/web"],
        "swtpm": ["virtualmachine/web"], "virtiofsd": ["virtualmachine/web"],
        "disk servers": ["virtualmachine/web"], "xorriso": ["guest/db"], "libguestfs": [],
        "mmdebstrap": ["image/built"], "lvm": ["logicalvolume/data"],
        "device-mapper": ["logicalvolume/data"], "firewall": ["network/lab"], "ceph": [],
        "nbdkit": [], "xattr": [],
    }.items():
        assert needed[name] == users, name


@pytest.mark.parametrize(("text", "found"), [
    ('NAME="Debian GNU/Linux"\nID=debian\n', "debian"),
    ('ID=ubuntu\nID_LIKE=debian\n', "debian"),
    ('ID="linuxmint"\nID_LIKE="ubuntu debian"\n', "debian"),
    ('ID=fedora\n', "fedora"),
    ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
    ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "suse"),
    ('ID=arch\n', "arch"), ('ID=manjaro\nID_LIKE=arch\n', "arch"),
    ('ID=nixos\n', ""), ("", ""),
])
def test_families(text: str, found: str) -> None:
    assert family(text) == found


def test_the_command_is_that_of_the_distribution() -> None:
    swtpm = next(one for one in ABILITIES if one.name == "swtpm")
    assert [swtpm.install(name) for name in abilities.INSTALL] == [
        "apt install swtpm swtpm-tools", "dnf install swtpm swtpm-tools", "zypper install swtpm",
        "pacman -S swtpm"]
    assert swtpm.install("") == ""
    built = next(one for one in ABILITIES if one.name == "mmdebstrap")
    assert built.install("arch") == "", "none is known"


def test_every_package_of_debian_is_one_that_setup_installs() -> None:
    """Or one that comes with those: what is said there is what is tried here."""
    file = Path(__file__).parents[2] / "scripts" / "packages.txt"
    words = [line.partition("#")[0] for line in file.read_text().splitlines()]
    installed = {package for line in words for package in line.strip().split("|") if package}
    said = {package for one in ABILITIES for package in one.debian.split()}
    assert said - installed == {"iptables"}, "libvirt-daemon-system depends on it"


@pytest.mark.parametrize(("there", "opens", "boots", "words"), [
    (False, False, False, "there is no /dev/kvm"),
    (True, False, False, "may not be opened by this user"),
    (True, True, False, "a kernel does not boot under it"),
    (True, True, True, "a kernel of this host boots under it"),
])
def test_kvm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool, opens: bool,
             boots: bool, words: str) -> None:
    device = tmp_path / "kvm"
    if there:
        device.touch()
    monkeypatch.setattr(doctor.acceleration, "DEVICE", device)
    monkeypatch.setattr(doctor.os, "access", lambda *_: opens)
    monkeypatch.setattr(doctor.acceleration, "probe", lambda _: "kvm" if boots else "tcg")
    able, text, remedy = doctor._kvm(doctor.Host(None, tmp_path))  # type: ignore[arg-type]
    assert able is boots and words in text and bool(remedy) is not boots


@pytest.mark.parametrize(("missing", "kernels", "text", "remedy"), [
    ("guestfs", ["vmlinuz-1"], "/usr/bin/python3 has no module guestfs", ""),
    ("supermin", ["vmlinuz-1"], "no supermin here", ""),
    ("", [], "can be read", "install a kernel: linux-image-amd64 on Debian"),
    ("", ["vmlinuz-1"], "is there; --appliance starts one", ""),
])
def test_libguestfs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str,
                    kernels: list[str], text: str, remedy: str) -> None:
    for name in kernels:
        (tmp_path / name).touch()
    monkeypatch.setattr(doctor, "KERNELS", f"{tmp_path}/vmlinuz-*")
    monkeypatch.setattr(doctor, "_has", lambda module: module != missing)
    monkeypatch.setattr(doctor, "_which", lambda tool: None if tool == missing else tool)
    _, said, what = doctor._libguestfs(doctor.Host(None, tmp_path))  # type: ignore[arg-type]
    assert text in said and what.startswith(remedy)


def test_storage_that_is_not_there_yet(tmp_path: Path) -> None:
    """What is asked is the nearest folder above it; nothing is made."""
    cloud: Any = SimpleNamespace(storage=str(tmp_path / "a" / "b"))
    able, said, _ = doctor._storage(doctor.Host(cloud, tmp_path))
    assert able and f"free at {tmp_path} (" in said and "unknown" not in said
    assert doctor._xattr(doctor.Host(cloud, tmp_path))[1].startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_storage_that_may_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    cloud: Any = SimpleNamespace(storage=str(tmp_path))
    able, said, remedy = doctor._storage(doctor.Host(cloud, tmp_path))
    assert not able and "may not be written" in said and "--storage FOLDER" in remedy
