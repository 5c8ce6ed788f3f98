"""Remedies for what libvirt really says; the messages were copied from libvirt 9.0 and qemu 7.2."""

import pytest

from tiny_cloud.host.libvirt_hints import hint_for, hint_for_open
from tiny_cloud.host.openers import LOCKED


@pytest.mark.parametrize(("message", "remedy"), [
    ("internal error: process exited while connecting to monitor: qemu-system-x86_64: -netdev "
     "user,id=tinycloud-a,hostfwd=tcp:127.0.0.1:2222-:22: Could not set up host forwarding rule "
     "'tcp:127.0.0.1:2222-:22'", "port 2222 of this host is taken"),
    ("internal error: qemu unexpectedly closed the monitor: qemu-system-x86_64: -blockdev "
     '{"driver":"file","filename":"/root/a.qcow2"}: '
     "Could not open '/root/a.qcow2': Permission denied",
     "enter every folder above /root/a.qcow2"),
    ("Path '/srv/a.qcow2' is not accessible: No such file or directory", "/srv/a.qcow2 is gone"),
    ("internal error: qemu unexpectedly closed the monitor: qemu-system-x86_64: error: failed to "
     "set MSR 0x10a to 0x69", "write accel: tcg"),
    ("qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
     "less memory"),
    ("Requested operation is not valid: network 'default' is not active",
     "virsh net-start default"),
    ("Network not found: no network with matching name 'lab'", "virsh net-list --all"),
    ("internal error: Network is already in use by interface eth0", "take another subnet"),
    ("operation failed: network 'lab' already exists with uuid 5f0e", "--adopt"),
    ("Cannot get interface MTU on 'br9': No such device", "there is no bridge br9"),
    ("operation failed: domain 'web' already exists with uuid 5f0e", "virsh domrename"),
    ("operation failed: Active console session exists for this domain", "--force takes it"),
    ("operation forbidden: read only access prevents virDomainDefineXMLFlags", "reading only"),
    ("unsupported configuration: IDE controllers are unsupported for this QEMU binary or machine "
     "type", "bus: sata"),
    ("internal error: hugetlbfs filesystem is not mounted or disabled by administrator config",
     "mount -t hugetlbfs"),
    ("internal error: qemu unexpectedly closed the monitor: qemu-system-x86_64: unable to map "
     "backing store for guest RAM: Cannot allocate memory", "vm.nr_hugepages"),
    ("operation failed: Unable to find any firmware to satisfy 'efi'", "apt install ovmf"),
    ("internal error: Unknown CPU model Nonsense", "Nonsense is none"),
    ("unsupported configuration: CPU mode 'host-passthrough' for x86_64 qemu domain on x86_64 host "
     "is not supported by hypervisor", "mode: maximum"),
    ("unsupported configuration: shared access for disk 'vda' requires use of supported storage "
     "format", "format: raw"),
    ("unsupported configuration: host doesn't support passthrough of host PCI devices", "IOMMU"),
    ("qemu-system-x86_64: -device {}: cannot initialize fsdev 'fsdev-fs0': failed to open '/root': "
     "Permission denied", "enter /root and every folder above it"),
    # libvirt 9.0's sources, virhostdev.c and virusb.c: it takes such devices to say these.
    ("Requested operation is not valid: PCI device 0000:01:00.0 is in use by driver QEMU, domain "
     "web", "virsh shutdown web"),
    ("Requested operation is not valid: USB device 001:002 is in use by driver QEMU, domain web",
     "virsh shutdown web"),
    ("operation failed: Multiple USB devices for 1d6b:2, use <address> to specify one",
     "unplug one of them"),
    ("internal error: unable to execute QEMU command 'blockdev-add': iSCSI: Failed to connect to "
     "LUN : Failed to log in to target. Status: Authentication failure(513)", "correct auth"),
    ("internal error: unable to execute QEMU command 'blockdev-add': TLS negotiation required "
     "before option 7 (go)", "tls: true"),
    ("internal error: unable to execute QEMU command 'blockdev-add': Requested export not "
     "available", "no export of that name"),
    ("internal error: unable to execute QEMU command 'blockdev-add': error reading header from "
     "lost: No such file or directory", "no image lost"),
    ("unsupported configuration: virtiofs is not yet supported in session mode", "driver: 9p"),
])
def test_a_common_complaint_has_its_remedy(message: str, remedy: str) -> None:
    assert remedy in hint_for(message)


def test_an_uncommon_one_has_none() -> None:
    assert hint_for("internal error: the moon is full") == ""


def test_the_locked_image_is_found_in_qemus_words() -> None:
    match = LOCKED.search('virtio-blk-pci,drive=x: Failed to get "write" lock\n'
                          "Is another process using the image [/srv/vm/web root.qcow2]?")
    assert match is not None and match["path"] == "/srv/vm/web root.qcow2"


def test_a_connection_that_is_refused() -> None:
    refused = "Failed to connect socket to '/run/libvirt/libvirt-sock': Permission denied"
    assert "group libvirt" in hint_for_open("qemu:///system", refused)
    no_polkit = "internal error: Unable to get system bus connection: Could not connect"
    assert "run as root" in hint_for_open("qemu:///system", no_polkit)
    assert hint_for_open("qemu+ssh://host/system", "Connection refused") == (
        "try virsh -c qemu+ssh://host/system list")
    assert "libvirtd" in hint_for_open("qemu:///system", "No such file or directory")
