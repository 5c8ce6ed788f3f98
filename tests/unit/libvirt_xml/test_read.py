from pathlib import Path

import pytest

from tests.unit.libvirt_xml.samples import MIB, WEB
from tiny_cloud.libvirt_xml import (
    Layer,
    bases,
    build,
    chains,
    disk_paths,
    pending,
    read,
    stamp_of,
)

FOLDER = Path(__file__).parent
DEFINED = (FOLDER / "defined.xml").read_text()
"""What libvirt 9.0 made of samples.WEB."""
INACTIVE = (FOLDER / "running-inactive.xml").read_text()
LIVE = (FOLDER / "running-live.xml").read_text()
"""One machine as it is defined and as it runs."""


def test_every_field_in_the_manifests_terms() -> None:
    assert read(DEFINED, autostart=True) == {
        "accel": "tcg", "autostart": True, "cpus": 2, "firmware": "bios", "guestAgent": True,
        "machine": "q35", "memory": 256 * MIB, "sparePorts": 8,
        "rng": "/dev/urandom", "video": "none", "secureBoot": False, "maxCpus": 2,
        "sound": "none", "usb": "qemu-xhci", "panic": False,
        "currentMemory": 256 * MIB, "cpu.mode": "maximum", "clock.offset": "utc",
        "hugepages": False, "boot": ("root", "data", "install"),
        "consoleLog": "/var/log/libvirt/qemu/tct-web.console.log",
        "onPoweroff": "destroy", "onReboot": "restart", "onCrash": "destroy",
        "disks[root].bus": "virtio", "disks[root].format": "qcow2",
        "disks[root].path": "/srv/vm/root.qcow2", "disks[root].serial": "root",
        "disks[root].discard": "unmap",
        "disks[root].readonly": False, "disks[root].shareable": False,
        "disks[data].bus": "scsi", "disks[data].format": "raw",
        "disks[data].path": "/dev/vg0/web-data", "disks[data].serial": "data",
        "disks[data].discard": "unmap",
        "disks[data].readonly": False, "disks[data].shareable": False,
        "cdroms[install].bus": "sata", "cdroms[install].path": "/srv/debian.iso",
        "interfaces[eth0].mac": "52:54:00:00:00:01", "interfaces[eth0].model": "virtio",
        "interfaces[eth0].network": "lab", "interfaces[eth0].link": "up",
        "interfaces[eth1].mac": "52:54:00:00:00:02", "interfaces[eth1].model": "virtio",
        "interfaces[eth1].user.forward": (
            '{"guest":22,"host":"127.0.0.1:2222","protocol":"tcp"}',
            '{"guest":53,"host":"127.0.0.1:5353","protocol":"udp"}'),
    }


def test_ours_reads_the_same_before_libvirt_has_seen_it() -> None:
    placed = {key: value for key, value in read(build(WEB)).items() if key != "sparePorts"}
    assert placed.items() <= read(DEFINED).items()


def test_devices_of_others_are_named_by_target_and_mac() -> None:
    fields = read(DEFINED.replace("<alias name='ua-", "<alias name='theirs-"))
    assert fields["disks[vda].path"] == "/srv/vm/root.qcow2"
    assert fields["cdroms[sdb].path"] == "/srv/debian.iso"
    assert fields["interfaces[52:54:00:00:00:01].network"] == "lab"


@pytest.mark.parametrize(("xml", "path"), [
    ("<source protocol='gluster' name='pool/image'/>", "gluster:pool/image"),
    ("<source pool='default' volume='web'/>", "default/web"),
])
def test_a_disk_that_is_no_file_is_still_told_apart(xml: str, path: str) -> None:
    remote = DEFINED.replace("<source file='/srv/vm/root.qcow2'/>", xml)
    assert read(remote)["disks[root].path"] == path
    assert "/srv/vm/root.qcow2" not in dict(disk_paths(remote))


@pytest.mark.parametrize(("change", "field", "value"), [
    (("<vcpu placement='static'>2", "<vcpu placement='static' current='1'>2"), "cpus", 1),
    (("<currentMemory unit='KiB'>262144", "<currentMemory unit='MiB'>128"),
     "currentMemory", 128 * MIB),
    (("machine='pc-q35-7.2'", "machine='pc-i440fx-7.2'"), "machine", "pc"),
    (("<domain type='qemu'", "<domain type='kvm'"), "accel", "kvm"),
    (("</os>", "<loader type='pflash'>/f</loader></os>"), "firmware", "efi"),
    (("<os>", "<os firmware='efi'>"), "firmware", "efi"),
    (("org.qemu.guest_agent.0", "org.example.0"), "guestAgent", False),
])
def test_drift_shows(change: tuple[str, str], field: str, value: object) -> None:
    drifted = DEFINED.replace(*change)
    assert drifted != DEFINED
    assert read(drifted)[field] == value


def test_a_running_balloon_is_no_drift() -> None:
    deflated = LIVE.replace("<currentMemory unit='KiB'>65536", "<currentMemory unit='KiB'>32768")
    assert deflated != LIVE
    assert pending(INACTIVE, deflated) == ()


def test_nothing_is_pending_straight_after_the_start() -> None:
    assert pending(INACTIVE, LIVE) == ()


def test_what_waits_for_the_next_boot() -> None:
    more = INACTIVE.replace("<vcpu placement='static'>1", "<vcpu placement='static'>4").replace(
        "hostfwd=tcp:127.0.0.1:22229-:22", "hostfwd=tcp:127.0.0.1:22230-:22")
    assert pending(more, LIVE) == (
        "cpus", "interfaces[eth0].user.forward", "maxCpus")


def test_paths() -> None:
    assert disk_paths(DEFINED) == [("/srv/vm/root.qcow2", "vda"), ("/dev/vg0/web-data", "sda"),
                                   ("/srv/debian.iso", "sdb")]
    assert chains(DEFINED) == {
        "root": (Layer("/srv/vm/root.qcow2", "qcow2"), Layer("/srv/images/debian.qcow2", "qcow2")),
        "data": (Layer("/dev/vg0/web-data", "raw", "block"),),
    }
    assert bases(DEFINED) == {"/srv/images/debian.qcow2"}


def test_the_stamp() -> None:
    assert stamp_of(DEFINED) == {"cloud": "tct", "address": "virtualmachine/web", "uuid": WEB.uuid}
    assert stamp_of("<domain><metadata/></domain>") is None
