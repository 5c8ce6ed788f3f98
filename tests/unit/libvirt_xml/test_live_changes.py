"""What a running machine is given, after its definition has been written."""

import pytest

from tiny_cloud.libvirt_xml import live_changes
from tiny_cloud.model import FieldDiff, Impact
from tiny_cloud.steps import AttachDevice

SLOT = "<address type='pci' domain='0x0000' bus='0x{}' slot='0x00' function='0x0'/>"
DISK = ("<disk type='file' device='disk'><source file='/d/data'/><target dev='vda' bus='virtio'/>"
        "<alias name='{}'/>{}</disk>")
CARD = "<interface type='user'><mac address='52:54:00:00:00:01'/><alias name='{}'/>{}</interface>"
PLUGGED = [FieldDiff("interfaces[eth0].model", None, "virtio", Impact.LIVE)]


def domain(*devices: str) -> str:
    return f"<domain type='qemu'><name>web</name><devices>{''.join(devices)}</devices></domain>"


@pytest.mark.parametrize(("slot", "keeps"), [("05", False), ("06", True)])
def test_a_device_goes_where_nothing_is(slot: str, keeps: bool) -> None:
    """The definition was written, and a kill came when only the disk was plugged in, which libvirt
    put where in the definition the card is."""
    disk = DISK.format("ua-disk-data", SLOT.format("05"))
    card = CARD.format("ua-net-eth0", SLOT.format(slot))
    defined = domain(DISK.format("ua-disk-data", SLOT.format("04")), card)
    step, = live_changes.steps("web", domain(disk), defined, PLUGGED, 1)
    assert isinstance(step, AttachDevice) and "52:54:00:00:00:01" in step.xml
    assert ("bus='0x06'" in step.xml.replace('"', "'")) is keeps
    assert ("<address type=" in step.xml) is keeps
