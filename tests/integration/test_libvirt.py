"""The XML against real libvirt: accepted, read back, merged without a difference, started."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.unit.libvirt_xml.samples import CROWD, MACHINES, MIB, WEB, machine, overlay
from tiny_cloud.errors import Failure
from tiny_cloud.facts import DomainFacts
from tiny_cloud.host import acceleration
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.libvirt_xml import (
    DiskDevice,
    Domain,
    Forward,
    Interface,
    Layer,
    Source,
    build,
    merge,
    pending,
    read,
)
from tiny_cloud.libvirt_xml.graft import canonical

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

URI = "qemu:///system"

@pytest.fixture
def virt() -> Iterator[Libvirt]:
    connection = Libvirt(URI)
    yield connection
    for name in connection.domains():
        if name.startswith("tct-"):
            connection.shutdown(name, timeout=0, force=True)
            connection.undefine(name)
    connection.close()
    for log in Path("/var/log/libvirt/qemu").glob("tct-*.log"):
        log.unlink()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Below pytest's own temporary folders, which are 0700, the qemu user could not open a disk."""
    path = Path(f"/var/tmp/tct-libvirt-{os.getpid()}")
    path.mkdir(mode=0o755)
    yield path
    for item in path.iterdir():
        item.unlink()
    path.rmdir()


def inactive(virt: Libvirt, domain: Domain) -> str:
    return facts(virt, domain).xml


def facts(virt: Libvirt, domain: Domain) -> DomainFacts:
    return virt.domains()[domain.name]


def qemu_img(*argv: str) -> None:
    subprocess.run(["qemu-img", *argv], check=True, stdout=subprocess.DEVNULL)


def canonical_of(xml: str) -> str:
    return canonical(etree.fromstring(xml))


@pytest.mark.parametrize("accel", ["kvm", "tcg"])
@pytest.mark.parametrize("domain", MACHINES, ids=lambda domain: domain.name)
def test_virt_xml_validate_accepts_every_machine(
    domain: Domain, accel: str, tmp_path: Path
) -> None:
    assert validated(build(replace(domain, accel=accel)), tmp_path) == 0


def test_virt_xml_validate_refuses_nonsense(tmp_path: Path) -> None:
    """Lest the test above could not fail."""
    wrong = build(WEB).replace("<memory ", "<memoir ").replace("</memory>", "</memoir>")
    assert validated(wrong, tmp_path) != 0


def validated(xml: str, folder: Path) -> int:
    file = folder / "domain.xml"
    file.write_text(xml)
    argv = ["virt-xml-validate", str(file), "domain"]
    return subprocess.run(argv, capture_output=True, check=False).returncode


@pytest.mark.parametrize("domain", MACHINES, ids=lambda domain: domain.name)
def test_what_libvirt_makes_of_it_reads_and_merges_as_what_was_meant(
    virt: Libvirt, domain: Domain
) -> None:
    virt.define(domain.name, build(domain))
    defined = inactive(virt, domain)
    assert read(defined) == read(build(domain)) | spare_ports(domain)
    assert canonical_of(merge(defined, domain)) == canonical_of(defined)
    virt.define(domain.name, merge(defined, domain))
    assert inactive(virt, domain) == defined


def spare_ports(domain: Domain) -> dict[str, Any]:
    """Only libvirt places devices: until then every port of the XML is a free one."""
    if domain.machine == "pc":
        return {}
    return {"sparePorts": 8 if domain.spare_ports is None else domain.spare_ports}


def changed(domain: Domain) -> Domain:
    """More memory, another first disk's bus, a disk and a card fewer, one of each more."""
    return replace(
        domain, memory=512 * MIB, cpus=1, agent=not domain.agent,
        disks=(*domain.disks[1:], overlay("new"), overlay("newer", "scsi")),
        interfaces=(*domain.interfaces[1:],
                    Interface("new", "52:54:00:00:09:09", "virtio", Source("user")),
                    Interface("port", "52:54:00:00:09:0a", "virtio", Source("user"),
                              (Forward.of(8080, 80),)))
        if domain.machine == "q35" else domain.interfaces[2:],
    )


@pytest.mark.parametrize("domain", MACHINES, ids=lambda domain: domain.name)
def test_a_change_in_place_keeps_what_stays(virt: Libvirt, domain: Domain) -> None:
    virt.define(domain.name, build(domain))
    before = inactive(virt, domain)
    wanted = changed(domain)
    virt.define(domain.name, merge(before, wanted))
    after = inactive(virt, domain)
    assert read(after) == read(build(wanted)) | spare_ports(wanted)
    assert canonical_of(merge(after, wanted)) == canonical_of(after)
    assert places(after).items() >= {
        alias: place for alias, place in places(before).items() if alias in places(after)}.items()
    # And back again; a port below one in use stays, lest the guest's cards change their names.
    virt.define(domain.name, merge(after, domain))
    again, former = read(inactive(virt, domain)), read(before)
    assert int(str(again.pop("sparePorts", 0))) >= int(str(former.pop("sparePorts", 0)))
    assert again == former


def places(xml: str) -> dict[str, tuple[str, str]]:
    """Target and address of every device of ours that has one, by alias."""
    return {
        device.find("alias").get("name"): (
            "".join(canonical(target) for target in device.findall("target")),
            "".join(canonical(address) for address in device.findall("address")))
        for device in etree.fromstring(xml).iterfind("devices/*")
        if device.tag in ("disk", "interface") and device.find("alias") is not None
    }


def test_another_chipset_is_another_set_of_addresses(virt: Libvirt) -> None:
    virt.define(WEB.name, build(WEB))
    to_pc = replace(WEB, machine="pc", disks=(overlay("root"),))
    virt.define(WEB.name, merge(inactive(virt, WEB), to_pc))
    assert read(inactive(virt, WEB)) == read(build(to_pc))
    virt.define(WEB.name, merge(inactive(virt, WEB), WEB))
    assert read(inactive(virt, WEB)) == read(build(WEB)) | spare_ports(WEB)


def test_other_peoples_devices_and_settings_survive(virt: Libvirt) -> None:
    theirs = build(WEB).replace("<video>", (
        "<interface type='user'><mac address='52:54:00:00:77:77'/><boot order='1'/></interface>"
        "<disk type='file'><driver name='qemu' type='raw'/><source file='/srv/theirs.img'/>"
        "<target dev='vdb' bus='virtio'/></disk><watchdog model='i6300esb'/><video>")
    ).replace('<boot order="1"/>', "").replace(
        "<qemu:arg", "<qemu:arg value='-no-hpet'/><qemu:arg", 1)
    virt.define(WEB.name, theirs)
    before = inactive(virt, WEB)
    wanted = replace(WEB, disks=(*WEB.disks, overlay("extra")))
    virt.define(WEB.name, merge(before, wanted))
    after = read(inactive(virt, WEB))
    assert after["disks[vdb].path"] == "/srv/theirs.img"
    assert after["disks[extra].path"] == "/srv/vm/extra.qcow2"
    assert after["interfaces[52:54:00:00:77:77].mac"] == "52:54:00:00:77:77"
    assert after["interfaces[eth1].user.forward"] == read(before)["interfaces[eth1].user.forward"]
    assert "-no-hpet" in inactive(virt, WEB)
    assert "i6300esb" in inactive(virt, WEB)


def test_a_machine_that_runs(virt: Libvirt, folder: Path) -> None:
    """SeaBIOS in software, and no system: so it never obeys the power button."""
    base, top = folder / "base.qcow2", folder / "top.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", str(base), "64M")
    qemu_img("create", "-q", "-f", "qcow2", "-b", str(base), "-F", "qcow2", str(top))
    owner = base.stat().st_uid
    domain = machine(
        "run", memory=64 * MIB, cpus=1, accel="tcg",
        disks=(DiskDevice("root", "virtio",
                          (Layer(str(top), "qcow2"), Layer(str(base), "qcow2"))),),
        interfaces=(Interface("eth0", "52:54:00:00:00:05", "virtio", Source("user"),
                              (Forward.of(22229, 22),)),
                    Interface("eth1", "52:54:00:00:00:06", "virtio", Source("user"))),
    )
    virt.define(domain.name, build(domain))
    virt.start(domain.name)
    virt.start(domain.name)
    now = facts(virt, domain)
    assert now.uuid == domain.uuid
    assert pending(now.xml, now.live_xml) == ()
    assert read(now.live_xml) == read(now.xml)
    assert base.stat().st_uid == owner, "libvirt must leave the base image alone"

    bigger = replace(domain, memory=96 * MIB, cpus=2, disks=(*domain.disks, overlay("data")))
    virt.define(domain.name, merge(now.xml, bigger))
    now = facts(virt, domain)
    assert set(pending(now.xml, now.live_xml)) == {
        "cpus", "maxCpus", "memory", "disks[data]", "boot"}

    assert Libvirt(URI, readonly=True).disk_users()[str(top)].size == 64 * MIB
    virt.block_resize(domain.name, str(top), 80 * MIB)
    assert virt.disk_users()[str(top)].size == 80 * MIB
    assert virt.block_info(domain.name, str(top)).capacity == 80 * MIB
    assert virt.disk_users()["/srv/vm/data.qcow2"].running is False

    refuses_a_rival(virt, top)
    refuses_to_lose_it(virt, domain)
    virt.shutdown(domain.name, timeout=0.5, force=True)
    assert not facts(virt, domain).live_xml
    virt.shutdown(domain.name, timeout=0.5)
    virt.undefine(domain.name)
    virt.undefine(domain.name)
    assert domain.name not in virt.domains()
    assert top.exists()


def refuses_a_rival(virt: Libvirt, disk: Path) -> None:
    """Another machine on the same disk is told who has it."""
    rival = machine("rival", memory=64 * MIB,
                    disks=(DiskDevice("root", "virtio", (Layer(str(disk), "qcow2"),)),))
    virt.define(rival.name, build(rival))
    with pytest.raises(Failure) as caught:
        virt.start(rival.name)
    assert caught.value.summary == "cannot start tct-rival"
    assert caught.value.hint.startswith(f"{disk} is in use by the domain tct-run (process ")
    assert "lock" in caught.value.detail
    virt.undefine(rival.name)


def refuses_to_lose_it(virt: Libvirt, domain: Domain) -> None:
    with pytest.raises(Failure, match="is running"):
        virt.undefine(domain.name)
    with pytest.raises(Failure, match=r"tct-run did not power off within 0.5 s") as caught:
        virt.shutdown(domain.name, timeout=0.5)
    assert caught.value.hint == "--force-off virtualmachine/run"
    assert facts(virt, domain).live_xml


def test_a_machine_of_the_probed_kind_boots_a_kernel(virt: Libvirt, folder: Path) -> None:
    """Here that is tcg, for the KVM of this host hangs or aborts; elsewhere it is mostly kvm. The
    cards that libvirt knows nothing of are where they should be."""
    accel = acceleration.probe(folder)
    kernel = folder / "vmlinuz"
    # A copy: libvirt gives what it boots to its qemu user.
    shutil.copyfile(acceleration.choose_kernel(
        glob.glob("/boot/vmlinuz-*"), os.uname().release), kernel)
    domain = machine("kernel", accel=accel, interfaces=tuple(
        Interface(f"eth{n}", f"52:54:00:00:03:0{n}", "virtio", Source("user"),
                  (Forward(22240 + n, 22),)) for n in range(4)))
    virt.define(domain.name, build(domain).replace(
        "</os>", f"<kernel>{kernel}</kernel><cmdline>console=ttyS0</cmdline></os>"))
    virt.start(domain.name)
    said = console(domain, acceleration.MARKER, seconds=90)
    for function in (4, 5, 6, 7):
        assert f"0000:00:1f.{function}: [1af4:1000]".encode() in said


def console(domain: Domain, marker: bytes, seconds: float) -> bytes:
    """What a machine's console log holds once the marker is in it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        said = Path(domain.console_log).read_bytes()
        if marker in said:
            return said
        time.sleep(0.25)
    raise AssertionError(f"{domain.name} did not say {marker!r}: {said[-500:]!r}")


def test_a_taken_port_and_a_missing_network_are_said_with_a_remedy(virt: Libvirt) -> None:
    for card, remedy in (
        (Interface("a", "52:54:00:00:00:07", "virtio", Source("network", "tct-none")),
         "virsh net-list --all"),
        (Interface("a", "52:54:00:00:00:07", "virtio", Source("bridge", "tct-br")),
         "there is no bridge tct-br here"),
    ):
        domain = machine("refused", memory=64 * MIB, interfaces=(card,))
        virt.define(domain.name, build(domain))
        with pytest.raises(Failure) as caught:
            virt.start(domain.name)
        assert remedy in caught.value.hint, caught.value.detail
        virt.undefine(domain.name)
    with listening() as port:
        domain = machine("refused", memory=64 * MIB, interfaces=(
            Interface("a", "52:54:00:00:00:07", "virtio", Source("user"), (Forward(port, 22),)),))
        virt.define(domain.name, build(domain))
        with pytest.raises(Failure) as caught:
            virt.start(domain.name)
        assert f"port {port} of this host is taken" in caught.value.hint, caught.value.detail


@contextlib.contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_autostart(virt: Libvirt) -> None:
    virt.define(CROWD.name, build(CROWD))
    assert not facts(virt, CROWD).autostart
    virt.autostart(CROWD.name, True)
    assert facts(virt, CROWD).autostart
    virt.autostart(CROWD.name, False)
    assert not facts(virt, CROWD).autostart


def test_a_reader_cannot_change_anything(virt: Libvirt) -> None:
    reader = Libvirt(URI, readonly=True)
    with pytest.raises(Failure) as caught:
        reader.define(WEB.name, build(WEB))
    assert caught.value.hint == "this connection was opened for reading only"
    assert WEB.name not in reader.domains()
    reader.close()


def test_a_libvirt_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failure) as caught:
        Libvirt("qemu+unix:///system?socket=/nowhere/libvirt-sock").domains()
    assert caught.value.summary.startswith("libvirt does not answer at qemu+unix:///system")
    assert caught.value.hint
    assert capfd.readouterr().err == ""
