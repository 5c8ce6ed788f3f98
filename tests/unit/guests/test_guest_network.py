import pytest
import yaml
from guest_texts import CARD, guest, made, texts, wish
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import File, Found, MakeFolder, Symlink, WriteFile
from tiny_cloud.guests.networking import (
    ifupdown,
    interfaces,
    links,
    netplan,
    networkd,
    resolv,
    ways,
)

IFUP = {"/usr/sbin/ifup": File()}
NETPLAN = {"/usr/sbin/netplan": File(), "/etc/netplan": File("folder")}
NETWORKD = {"/usr/lib/systemd/systemd-networkd": File()}
DHCP = {"name": "eth1", "mac": "52:54:00:00:00:01", "dhcp": True}

INTERFACES = """\
# The loopback network interface
source /etc/network/interfaces.d/*
auto lo eth0
iface lo inet loopback

# the one of the installer
allow-hotplug eth0 eth7
iface eth0 inet dhcp
    # its option
    hostname image
iface eth7 inet static
    address 10.7.7.7/24 \\
    netmask 255.255.255.0
"""


def test_a_static_card_gets_its_gateway_and_name_servers() -> None:
    """The original's bug 6: the gateway was computed and never written; there was no DNS."""
    edits = made(ifupdown, wish(interfaces=[CARD, DHCP]),
                 guest({"/etc/network/interfaces": INTERFACES},
                       {**IFUP, "/usr/sbin/dhclient": File()}))
    assert texts(edits) == {"/etc/network/interfaces": """\
# The loopback network interface
source /etc/network/interfaces.d/*
auto lo
iface lo inet loopback

# the one of the installer
allow-hotplug eth7
    # its option
iface eth7 inet static
    address 10.7.7.7/24 \\
    netmask 255.255.255.0
# tinycloud: begin
auto eth0
iface eth0 inet static
    address 10.0.2.15/24
    gateway 10.0.2.2
    dns-nameservers 10.0.2.3 9.9.9.9
    dns-search lab.example

auto eth1
iface eth1 inet dhcp
# tinycloud: end
"""}


def test_ifupdown_is_written_once() -> None:
    wanted = wish(interfaces=[CARD])
    text = texts(made(ifupdown, wanted, guest({}, IFUP)))["/etc/network/interfaces"]
    assert text.startswith("source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet ")
    assert made(ifupdown, wanted, guest({"/etc/network/interfaces": text}, IFUP)) == []


def test_stanzas_in_other_files_for_our_card_go() -> None:
    found = guest({"/etc/network/interfaces.d/setup": "auto eth0\niface eth0 inet dhcp\n# end\n",
                   "/etc/network/interfaces.d/vpn": "auto tun0\niface tun0 inet manual\n"}, IFUP)
    result = texts(made(ifupdown, wish(interfaces=[CARD]), found))
    assert result["/etc/network/interfaces.d/setup"] == "# end\n"
    assert "/etc/network/interfaces.d/vpn" not in result


def test_dhcp_without_a_client_is_refused() -> None:
    with pytest.raises(Failure, match="no DHCP client"):
        made(ifupdown, wish(interfaces=[DHCP]), guest({}, IFUP))


@given(st.lists(st.text(st.characters(exclude_characters="\n\\", exclude_categories=["Cs"]))))
def test_text_without_our_card_survives_byte_for_byte(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert ifupdown.without(text, {"eth0-of-nobody"}) == text


def test_cards_are_named_by_mac() -> None:
    for found in (guest({}, IFUP), guest({}, NETWORKD)):
        assert made(links, wish(interfaces=[CARD]), found) == [
            MakeFolder("/etc/systemd/network"),
            WriteFile("/etc/systemd/network/10-tinycloud-eth0.link",
                      b"[Match]\nMACAddress=52:54:00:12:34:56\nType=ether\n\n[Link]\nName=eth0\n"),
        ]
    assert made(links, wish(interfaces=[CARD]), guest({}, NETPLAN)) == []
    assert made(links, wish(interfaces=[{"name": "eth0", "mac": None}]), guest({}, IFUP)) == []


def test_netplan_matches_by_mac_and_comes_first() -> None:
    edits = made(netplan, wish(interfaces=[CARD, DHCP]), guest({}, NETPLAN))
    first = edits[0]
    assert isinstance(first, WriteFile)
    assert (first.path, first.mode) == ("/etc/netplan/90-tinycloud.yaml", 0o600)
    assert yaml.safe_load(first.content) == {"network": {"version": 2, "ethernets": {
        "00-tinycloud-eth0": {
            "renderer": "networkd",
            "match": {"macaddress": "52:54:00:12:34:56"}, "set-name": "eth0",
            "dhcp4": False, "addresses": ["10.0.2.15/24"],
            "routes": [{"to": "0.0.0.0/0", "via": "10.0.2.2"}],
            "nameservers": {"addresses": ["10.0.2.3", "9.9.9.9"], "search": ["lab.example"]},
        },
        "00-tinycloud-eth1": {
            "renderer": "networkd",
            "match": {"macaddress": "52:54:00:00:00:01"}, "set-name": "eth1", "dhcp4": True,
        },
    }}}
    # The image's own definitions for every en* and eth* sort behind ours.
    assert sorted(["10-netplan-all-en.network", "10-netplan-00-tinycloud-eth0.network"])[0] == (
        "10-netplan-00-tinycloud-eth0.network")


def test_networkd_is_enabled_for_netplan() -> None:
    edits = made(netplan, wish(interfaces=[CARD]), guest({}, NETPLAN))
    wants = "/etc/systemd/system/multi-user.target.wants"
    assert edits[1:] == [MakeFolder(wants), Symlink(
        f"{wants}/systemd-networkd.service", "/lib/systemd/system/systemd-networkd.service")]
    there = guest({}, {**NETPLAN, f"{wants}/systemd-networkd.service": File("symlink")})
    assert len(made(netplan, wish(interfaces=[CARD]), there)) == 1


def test_networkd_alone() -> None:
    edits = made(networkd, wish(interfaces=[CARD]), guest({}, NETWORKD))
    assert texts(edits) == {"/etc/systemd/network/10-tinycloud-eth0.network": (
        "[Match]\nMACAddress=52:54:00:12:34:56\nType=ether\n\n[Network]\n"
        "Address=10.0.2.15/24\nGateway=10.0.2.2\nDNS=10.0.2.3\nDNS=9.9.9.9\nDomains=lab.example\n")}


@pytest.mark.parametrize(("files", "way"), [
    ({**NETPLAN, **IFUP, **NETWORKD}, "netplan"),
    ({**IFUP, **NETWORKD}, "ifupdown"),
    (NETWORKD, "networkd"),
    ({"/usr/sbin/netplan": File(), **IFUP}, "ifupdown"),
])
def test_the_images_own_way_is_used(files: dict[str, File], way: str) -> None:
    assert ways.way(guest({}, files)) == way


def test_a_guest_without_any_way_says_what_was_looked_for() -> None:
    with pytest.raises(Failure) as caught:
        ways.way(guest())
    assert "/usr/sbin/ifup" in caught.value.hint


@pytest.mark.parametrize("wrong", [
    {"name": "eth0", "address": "999.1.1.1/24"},
    {"name": "eth0", "address": "52:54:00:12:34:56"},
    {"name": "eth0", "address": "10.0.2.15"},
    {"name": "eth0", "gateway": "10.0.2.2.2"},
    {"name": "eth0", "dns": ["dns.example"]},
    {"name": "eth0", "mac": "10.0.2.15"},
    {"name": "eth0", "search": ["a\nnameserver 6.6.6.6"]},
    {"name": "52:54:00:12:34:56"},
    {"name": "a-name-of-16-long"},
])
def test_an_address_is_an_address_and_a_mac_is_no_name(wrong: dict[str, object]) -> None:
    """The original's bug 11: the name's pattern matched MACs, the address's took 999.1.1.1."""
    with pytest.raises(Failure):
        interfaces.interfaces({"interfaces": [wrong]})


def resolved(found: Found) -> list[object]:
    return list(made(resolv, wish(interfaces=[CARD]), found))


def test_without_resolvconf_the_servers_go_into_resolv_conf() -> None:
    old = "# mine\nnameserver 1.1.1.1\noptions edns0\ndomain x\n"
    assert resolved(guest({"/etc/resolv.conf": old}, IFUP)) == [WriteFile(
        "/etc/resolv.conf", b"nameserver 10.0.2.3\nnameserver 9.9.9.9\nsearch lab.example\n"
                            b"# mine\noptions edns0\n")]
    assert resolved(guest({}, IFUP)) == [WriteFile(
        "/etc/resolv.conf", b"nameserver 10.0.2.3\nnameserver 9.9.9.9\nsearch lab.example\n")]


@pytest.mark.parametrize("files", [
    {**IFUP, "/usr/sbin/resolvconf": File("symlink")},
    {**IFUP, "/etc/resolv.conf": File("symlink", target="/run/x")},
])
def test_who_writes_resolv_conf_itself_is_left_to_it(files: dict[str, File]) -> None:
    assert resolved(guest({}, files)) == []


def test_resolved_gets_its_link() -> None:
    files = {**NETPLAN, "/usr/lib/systemd/systemd-resolved": File()}
    assert resolved(guest({}, files)) == [
        Symlink("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")]
