"""What a change costs a machine that runs, where real libvirt once said otherwise."""

import pytest

from tiny_cloud.libvirt_xml import hotplug
from tiny_cloud.model import FieldDiff, Impact, Value

LIVE = """<domain type='qemu'>
  <os><type machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <controller type='usb' model='qemu-xhci'/>
    {}
  </devices>
</domain>"""
DRIVE = "<disk device='cdrom'><target bus='usb'/><alias name='ua-cdrom-cd'/></disk>"


def cost(plugged: str, old: Value, new: Value) -> Impact:
    """Of another medium in a drive that is in the definition already."""
    before = {"cdroms[cd].bus": "usb", "cdroms[cd].path": old}
    diff = FieldDiff("cdroms[cd].path", old, new, Impact.LIVE)
    wanted: dict[str, Value] = {"cdroms[cd].path": new} if new else {"cdroms[cd].bus": "usb"}
    (found,) = hotplug.costs([diff], before, wanted, LIVE.format(plugged))
    return found.impact


@pytest.mark.parametrize(
    ("plugged", "old", "new", "impact"),
    [
        (DRIVE, "/one.iso", "/two.iso", Impact.LIVE),
        (DRIVE, "/one.iso", None, Impact.LIVE),
        # It was to come with the next boot; libvirt plugs no drive in that is empty.
        ("", "/one.iso", "/two.iso", Impact.LIVE),
        ("", "/one.iso", None, Impact.NEXT_BOOT),
    ],
)
def test_a_drive(plugged: str, old: Value, new: Value, impact: Impact) -> None:
    assert cost(plugged, old, new) is impact
