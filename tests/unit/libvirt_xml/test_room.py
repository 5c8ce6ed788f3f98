"""How many processors a running machine may have; the numbers are those of libvirt's own states."""

import pytest

from tiny_cloud.libvirt_xml.room import Room

STATES = """<vcpus>
  <vcpu id='0' enabled='yes' hotpluggable='no'/>
  <vcpu id='1' enabled='yes' hotpluggable='yes'/>
  <vcpu id='2' enabled='no' hotpluggable='yes'/>
</vcpus>"""


@pytest.mark.parametrize(
    ("accel", "vcpu", "states", "most", "least"),
    [
        ("kvm", "<vcpu current='2'>3</vcpu>", STATES, 3, 1),
        ("qemu", "<vcpu current='2'>3</vcpu>", STATES, 3, 2),
        ("kvm", "<vcpu current='2'>3</vcpu>", "", 3, 2),
        ("kvm", "<vcpu>4</vcpu>", "", 4, 4),
    ],
)
def test_processors(accel: str, vcpu: str, states: str, most: int, least: int) -> None:
    room = Room.of(f"<domain type='{accel}'>{vcpu}{states}<devices/></domain>")
    assert (room.processors.start, room.processors.stop - 1) == (least, most)
