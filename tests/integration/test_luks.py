"""A machine boots from an encrypted disk, and its key is in no place where it should not be.

To boot a guest is dear where it is emulated: this one also shows that a Debian which has nothing
but systemd-networkd gets its network from that.

One machine lives through this module, in the order of the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.guest_network import CARD, assert_up
from tests.integration.lab import URI, Console, Lab, virsh
from tests.integration.servers.secrecy import uuids_of, watching
from tiny_cloud.errors import Failure
from tiny_cloud.host import acceleration, qemu_img
from tiny_cloud.host.inspect import inspect
from tiny_cloud.libvirt_xml import chains

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KEY = "canary, which opens the disk"
PASSWORD = "another, which opens the guest"
CLEAR = "canary-in-the-clear"
MIB = 1 << 20
VAULT = """
    kind: Disk
    metadata: {{name: vault}}
    spec: {{format: raw, size: {size}MiB, encryption: {{secret: {{file: secrets/disk.key}}}}}}
"""


@pytest.fixture(scope="module")
def networkd(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image without ifupdown: what is left to set up its network is systemd-networkd."""
    disk = tmp_path_factory.mktemp("networkd") / "debian.qcow2"
    overlay = ("create", "-q", "-f", "qcow2", "-b", str(debian), "-F", "qcow2", str(disk))
    subprocess.run(["qemu-img", *overlay], check=True)
    subprocess.run(["guestfish", "--format=qcow2", "--add", disk, "run", ":", "mount", "/dev/sda2",
                    "/", ":", "command", "dpkg --purge ifupdown"], check=True, capture_output=True,
                   env={**os.environ, **acceleration.appliance_environ("tcg", {})})
    subprocess.run(["qemu-img", "rebase", "-f", "qcow2", "-b", "", str(disk)], check=True)
    return disk


@pytest.fixture(scope="module")
def lab(networkd: Path) -> Iterator[Lab]:
    lab = Lab.make("tcteluks")
    lab.secret("disk.key", KEY)
    lab.secret("root.txt", PASSWORD)
    lab.write("image", f"""
        kind: Image
        metadata: {{name: debian}}
        spec: {{source: {{path: {networkd}}}}}
    """)
    lab.write("vault", VAULT.format(size=64))
    lab.write("web", f"""
        kind: VirtualMachine
        metadata: {{name: web}}
        spec:
          cpus: 1
          memory: 512MiB
          disks:
            - {{name: root, image: debian, encryption: {{secret: {{file: secrets/disk.key}}}}}}
            - {{name: vault, disk: vault}}
          interfaces: [{CARD}]
          guest:
            hostname: {CLEAR}
            users: {{root: {{password: {{file: secrets/root.txt}}}}}}
    """)
    yield lab
    lab.clean()


@pytest.fixture(scope="module")
def told(lab: Lab) -> list[str]:
    """What was said before, during and after the first apply, and seen of processes meanwhile."""
    before = [lab.run("plan", *options) for options in (
        (), ("--json",), ("--commands",), ("--out", str(lab.folder / "plan")))]
    seen: set[str] = set()
    with watching(lambda words: seen.add(words.decode(errors="replace")),
                  "cmdline", "environ", seconds=0.2):
        after = [lab.apply(), lab.apply("--json")]
    assert any("secret,id=key,file=/dev/stdin" in words and "create" in words for words in seen)
    assert any("qemu-nbd" in words and "key-secret" in words for words in seen)
    return [*before, *after, *seen]


def test_it_boots_from_what_is_encrypted(lab: Lab, told: list[str]) -> None:
    console = Console(lab.domain("web"))
    try:
        console.login(CLEAR, "root", PASSWORD)
        assert console.run("systemctl is-active systemd-networkd") == "active"
        assert_up(console.run)
    finally:
        console.close()
    assert uuids_of(lab).keys() == {f"tinycloud {lab.name} disk/{name} encryption.secret"
                                      for name in ("vault", "web-root")}
    lab.assert_settled()


def test_nothing_is_in_the_clear(lab: Lab, told: list[str]) -> None:
    root, vault = lab.disk("web-root"), lab.storage / "disks" / "vault.luks"
    assert qemu_img.info(str(root), "qcow2").encryption == "luks"
    assert vault.read_bytes().startswith(b"LUKS\xba\xbe")
    # The prompt shows that the name is in there.
    assert CLEAR.encode() not in root.read_bytes()
    for layers in chains(virsh("dumpxml", lab.domain("web"))).values():
        assert [bool(layer.secret) for layer in layers] == [True, *[False] * (len(layers) - 1)]


def test_the_key_is_nowhere_else(lab: Lab, told: list[str]) -> None:
    logs = Path("/var/log/libvirt/qemu", f"{lab.domain('web')}.log").read_text()
    texts = [*told, logs, virsh("dumpxml", "--security-info", lab.domain("web")),
             *(virsh("secret-dumpxml", uuid) for uuid in uuids_of(lab).values())]
    assert [text for text in texts if KEY in text] == []
    kept = [path for path in lab.folder.rglob("*") if path.is_file() and path.suffix != ".qcow2"]
    assert [path.name for path in kept if KEY.encode() in path.read_bytes()] == ["disk.key"]
    assert {"journal.jsonl", "disk-vault.json", "plan"} <= {path.name for path in kept}
    hidden = subprocess.run(["virsh", "-c", URI, "secret-get-value", next(iter(
        uuids_of(lab).values()))], capture_output=True, text=True, check=False)
    assert "secret is private" in hidden.stderr


def test_it_grows_while_the_machine_runs(lab: Lab, told: list[str]) -> None:
    lab.write("vault", VAULT.format(size=96))
    lab.apply()
    target = virsh("domblkinfo", lab.domain("web"), "vdb")
    assert f"Capacity:       {96 * MIB}" in target
    lab.assert_settled()


def test_it_grows_while_nobody_uses_it(lab: Lab, told: list[str]) -> None:
    virsh("destroy", lab.domain("web"))
    lab.write("vault", VAULT.format(size=128))
    lab.apply("--target", "disk/vault")
    vault = str(lab.storage / "disks" / "vault.luks")
    assert qemu_img.info(vault, "luks").virtual_size == 128 * MIB


def test_another_key_is_said_and_nothing_is_done(lab: Lab, told: list[str]) -> None:
    vault = lab.storage / "disks" / "vault.luks"
    before = vault.read_bytes()
    lab.secret("disk.key", "another")
    change = lab.plan("--target", "disk/vault")["disk/vault"]
    assert change["blocked"] == "encryption.secret can change only by making it anew"
    for uuid in uuids_of(lab).values():
        next((lab.storage / "records").glob(f"secret-{uuid}.json")).unlink()
    said = lab.apply("--target", "disk/vault", expect=1)
    assert f"does not open {vault}" in said
    assert vault.read_bytes() == before
    lab.secret("disk.key", KEY)
    lab.apply("--target", "disk/vault")
    assert json.loads(lab.run("plan", "--json", "--target", "disk/vault"))["changes"] == []


def test_the_secrets_go_with_their_disks(lab: Lab, told: list[str]) -> None:
    lab.run("destroy", "--yes", "--delete-data", "disk/*")
    assert uuids_of(lab) == {}
    assert list((lab.storage / "records").glob("secret-*")) == []


@pytest.mark.parametrize("form", ["aes", "luks"])
def test_what_is_encrypted_is_no_image(form: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    qemu_img.measured(
        ("qemu-img", "create", "-q", "-f", "qcow2", "--object", "secret,id=key,file=/dev/stdin",
         "-o", f"encrypt.format={form},encrypt.key-secret=key", str(disk), "1M"), "key", ())
    with pytest.raises(Failure, match="encrypted"):
        inspect(str(disk))
