"""A network's XML: read, written, updated; what libvirt itself makes of it is for integration."""

from __future__ import annotations

import pytest
from lxml import etree

from tiny_cloud.libvirt_xml import (
    Tap,
    Update,
    host_entry,
    is_updatable,
    new_network,
    read_network,
    same_network,
    taps,
    updates,
    write_network,
)
from tiny_cloud.libvirt_xml.network import Wanted

STAMP = {"cloud": "lab", "address": "network/inner", "uuid": "u"}
UUID = "6f1e0f4c-8f0e-4e6c-9d0e-0e6f40f4a6d1"
# As libvirt 9.0 shows an active one (virsh net-dumpxml).
LIVE = f"""<network connections='1'>
  <name>lab-inner</name>
  <uuid>{UUID}</uuid>
  <forward dev='eth0' mode='nat'>
    <nat>
      <port start='1024' end='65535'/>
    </nat>
    <interface dev='eth0' connections='1'/>
  </forward>
  <bridge name='virbr1' stp='on' delay='0'/>
  <mtu size='1450'/>
  <mac address='52:54:00:6a:a3:ea'/>
  <domain name='lab.example' localOnly='yes'/>
  <dns>
    <forwarder addr='9.9.9.9'/>
    <forwarder domain='corp.example' addr='192.0.2.9'/>
    <txt name='a' value='b'/>
    <host ip='10.44.0.3'>
      <hostname>mx</hostname>
    </host>
    <host ip='10.44.0.2'>
      <hostname>db</hostname>
      <hostname>www</hostname>
    </host>
  </dns>
  <ip address='10.44.0.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='10.44.0.100' end='10.44.0.200'/>
      <host mac='52:54:00:00:00:0A' name='web' ip='10.44.0.10'/>
      <host mac='52:54:00:00:00:0b' ip='10.44.0.11'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='fd00:44::1' prefix='64'>
    <dhcp>
      <range start='fd00:44::100' end='fd00:44::1ff'/>
    </dhcp>
  </ip>
</network>"""
FIELDS: Wanted = {
    "forward": "nat",
    "bridge": "virbr1",
    "device": "eth0",
    "mtu": 1450,
    "domain": "lab.example",
    "dns.enabled": True,
    "dns.forwarders": ("9.9.9.9",),
    "dns.hosts": ('{"address":"10.44.0.2","names":["db","www"]}',
                  '{"address":"10.44.0.3","names":["mx"]}'),
    "subnet": "10.44.0.0/24",
    "address": "10.44.0.1",
    "dhcp.from": "10.44.0.100",
    "dhcp.to": "10.44.0.200",
    "subnet6": "fd00:44::/64",
    "address6": "fd00:44::1",
    "dhcp6.from": "fd00:44::100",
    "dhcp6.to": "fd00:44::1ff",
    "reservations[52:54:00:00:00:0a]": "10.44.0.10 web",
    "reservations[52:54:00:00:00:0b]": "10.44.0.11",
}


def test_reads_all_that_libvirt_says() -> None:
    assert read_network(LIVE) == FIELDS


def test_what_is_written_reads_the_same_and_writing_it_again_changes_nothing() -> None:
    made = write_network(new_network("lab-inner", UUID), FIELDS, STAMP)
    assert read_network(made) == FIELDS
    assert write_network(made, FIELDS, STAMP) == made
    assert same_network(made, made.replace('"', "'").replace("\n", ""))
    assert not same_network(made, made.replace("1450", "1400"))
    root = etree.fromstring(made)
    assert root.find("domain").get("localOnly") == "yes"
    assert root.find("metadata")[0].get("uuid") == UUID


def test_what_others_said_stays() -> None:
    changed = etree.fromstring(write_network(LIVE, {**FIELDS, "mtu": 1400}, STAMP))
    for path in ("mac", "dns/txt", "forward/nat/port", "dns/forwarder[@domain]"):
        assert changed.find(path) is not None, path
    assert changed.find("bridge").get("stp") == "on"


def test_what_is_taken_away_goes_whole() -> None:
    gone = {name: None for name in FIELDS if name.startswith(("dhcp", "reser", "dns.h", "mtu"))}
    root = etree.fromstring(write_network(LIVE, gone, STAMP))
    assert root.findall("ip/dhcp") == root.findall("dns/host") == root.findall("mtu") == []
    assert len(root.findall("dns/forwarder")) == 2


def test_another_subnet_takes_what_was_given_out_of_the_old_one_with_it() -> None:
    wanted = {"subnet": "10.45.0.0/24", "address": "10.45.0.1"}
    fields = read_network(write_network(LIVE, wanted, STAMP))
    assert fields.items() >= wanted.items()
    assert not [name for name in fields if name.startswith(("dhcp.", "reservations"))]
    assert fields["dhcp6.from"] == "fd00:44::100"


def test_a_bridge_of_the_host_has_none_of_what_libvirt_gives() -> None:
    """libvirt refuses stp, mtu, domain, dns and addresses there."""
    wanted = {"forward": "bridge", "bridge": "br0"}
    made = write_network(LIVE, wanted, STAMP)
    assert {item.tag for item in etree.fromstring(made)} == {
        "name", "uuid", "metadata", "forward", "bridge"}
    assert etree.fromstring(made).find("bridge").attrib == {"name": "br0"}
    back = write_network(made, {"forward": "isolated"}, STAMP)
    assert {item.tag for item in etree.fromstring(back)} == {"name", "uuid", "metadata"}


def test_a_name_server_that_is_switched_off_says_nothing() -> None:
    made = write_network(LIVE, {"dns.enabled": False}, STAMP)
    (dns,) = etree.fromstring(made).findall("dns")
    assert (dns.attrib, len(dns)) == ({"enable": "no"}, 0)
    assert read_network(write_network(made, {"dns.enabled": True}, STAMP))["dns.enabled"] is True


def test_several_ranges_are_drift() -> None:
    twice = LIVE.replace("<range start='10.44.0.100'",
                         "<range start='10.44.0.20' end='10.44.0.29'/><range start='10.44.0.100'")
    assert read_network(twice)["dhcp.from"] == "10.44.0.20 and 10.44.0.100"
    wanted = {"dhcp.from": "10.44.0.100", "dhcp.to": "10.44.0.200"}
    assert updates(twice, wanted) == [Update(
        "delete", "ip-dhcp-range", '<range start="10.44.0.20" end="10.44.0.29"/>', 0)]
    assert read_network(write_network(twice, wanted, STAMP))["dhcp.from"] == "10.44.0.100"


def test_nothing_to_update() -> None:
    assert updates(LIVE, FIELDS) == []


@pytest.mark.parametrize(("wanted", "expected"), [
    ({"dhcp6.from": None, "dhcp6.to": None},
     [("delete", "ip-dhcp-range", '<range start="fd00:44::100" end="fd00:44::1ff"/>', 1)]),
    ({"device": None}, [("delete", "forward-interface", '<interface dev="eth0"/>', -1)]),
    ({"device": "eth1"}, [("delete", "forward-interface", '<interface dev="eth0"/>', -1),
                          ("add", "forward-interface", '<interface dev="eth1"/>', -1)]),
    ({"dns.hosts": None}, [
        ("delete", "dns-host", '<host ip="10.44.0.2"/>', -1),
        ("delete", "dns-host", '<host ip="10.44.0.3"/>', -1)]),
    # The address is another machine's now: that entry goes first, whoever made it.
    ({"reservations[52:54:00:00:00:0c]": "10.44.0.11 new"}, [
        ("delete", "ip-dhcp-host", '<host mac="52:54:00:00:00:0b" ip="10.44.0.11"/>', 0),
        ("add", "ip-dhcp-host", '<host mac="52:54:00:00:00:0c" name="new" ip="10.44.0.11"/>', 0)]),
])
def test_updates(wanted: Wanted, expected: list[tuple[str, str, str, int]]) -> None:
    assert updates(LIVE, wanted) == [Update(*words) for words in expected]


@pytest.mark.parametrize(("name", "target", "can"), [
    ("dhcp.from", {}, True),
    ("reservations[52:54:00:00:00:0a]", {"subnet": "10.45.0.0/24"}, False),
    ("dhcp.from", {"subnet6": "fd00:45::/64"}, True),
    ("dhcp6.to", {"address6": "fd00:44::2"}, False),
    ("dns.hosts", {}, True),
    ("dns.hosts", {"dns.enabled": False}, False),
    ("device", {}, True),
    ("device", {"forward": "route"}, False),
    ("mtu", {}, False),
])
def test_what_does_not_fit_what_is_active_has_to_wait(
    name: str, target: Wanted, can: bool
) -> None:
    assert is_updatable(name, FIELDS, {**FIELDS, **target}) is can


def test_addresses_have_one_form() -> None:
    assert host_entry("FD00:0:0::2", ["db"]) == '{"address":"fd00::2","names":["db"]}'


def test_cards_on_networks_by_their_taps() -> None:
    """The second is on a network that is a bridge of the host: libvirt shows it as such."""
    live = """<domain><devices>
      <interface type='network'><source network='a' portid='x' bridge='virbr1'/>
        <target dev='vnet1'/></interface>
      <interface type='bridge'><source network='b' bridge='br0'/><target dev='vnet2'/></interface>
      <interface type='bridge'><source bridge='br0'/><target dev='vnet3'/></interface>
      <interface type='user'/>
    </devices></domain>"""
    found = list(taps(live))
    assert [(tap.device, tap.network, tap.bridge) for tap in found] == [
        ("vnet1", "a", "virbr1"), ("vnet2", "b", "br0")]
    assert isinstance(found[1], Tap) and 'type="network"' in found[1].xml
    assert "target" not in found[1].xml
