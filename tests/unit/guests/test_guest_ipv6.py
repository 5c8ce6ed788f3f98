"""IPv6 by DHCPv6 and by routers, in the words of each way; what a way cannot do is refused."""

from __future__ import annotations

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.guests.networking import (
    ifcfg,
    netplan,
    network_manager,
    networkd,
    stanzas,
    wicked,
)
from tiny_cloud.guests.networking.interfaces import Interface, Route, interfaces

SIX = ("fd00::2/64",)


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.split("\n")}


@pytest.mark.parametrize(("card", "said"), [
    (Interface("eth0"), set()),
    (Interface("eth0", dhcp=True, dhcp6=True), {"DHCP=yes"}),
    (Interface("eth0", dhcp6=True), {"DHCP=ipv6"}),
    (Interface("eth0", dhcp6=True, accept_ra=False),
     {"DHCP=ipv6", "IPv6AcceptRA=no", "[DHCPv6]", "WithoutRA=solicit"}),
    (Interface("eth0", accept_ra=True), {"IPv6AcceptRA=yes"}),
])
def test_networkd(card: Interface, said: set[str]) -> None:
    assert lines(networkd.render(card)) - {"", "[Match]", "Name=eth0", "[Network]"} == said


@pytest.mark.parametrize(("card", "method"), [
    (Interface("eth0"), "auto"),
    (Interface("eth0", accept_ra=False), "link-local"),
    (Interface("eth0", dhcp6=True), "auto"),
    (Interface("eth0", dhcp6=True, accept_ra=False), "dhcp"),
    (Interface("eth0", addresses=SIX), "manual"),
    (Interface("eth0", addresses=SIX, accept_ra=True), "auto"),
])
def test_network_manager(card: Interface, method: str) -> None:
    text = network_manager.render(card)
    assert f"[ipv6]\nmethod={method}\n" in text
    assert "[ipv4]\nmethod=disabled\n" in text


@pytest.mark.parametrize(("card", "said"), [
    (Interface("eth0"), ["iface eth0 inet manual"]),
    (Interface("eth0", accept_ra=True), ["iface eth0 inet6 auto"]),
    (Interface("eth0", accept_ra=False), [
        "iface eth0 inet manual", "    pre-up echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_ra"]),
    (Interface("eth0", dhcp6=True, accept_ra=False), [
        "iface eth0 inet6 dhcp", "    accept_ra 0"]),
    (Interface("eth0", addresses=SIX, accept_ra=True), [
        "iface eth0 inet6 static", "    address fd00::2/64", "    accept_ra 1", "    autoconf 1"]),
    (Interface("store", link="eth0", vlan=7), [
        "iface store inet manual",
        "    pre-up ip link show store >/dev/null 2>&1 || ip link add link eth0 name store "
        "type vlan id 7"]),
])
def test_ifupdown(card: Interface, said: list[str]) -> None:
    assert stanzas.classic(card) == [f"auto {card.name}", *said]


def test_ifupdown_ng() -> None:
    assert stanzas.modern(Interface("store", link="eth0", vlan=7, accept_ra=True)) == [
        "auto store", "iface store", "    vlan-raw-device eth0", "    vlan-id 7",
        "    use ipv6-ra"]
    with pytest.raises(Failure, match="asks no DHCPv6 server"):
        stanzas.modern(Interface("eth0", dhcp6=True))


def test_the_scripts_of_red_hat() -> None:
    card = Interface("eth0", addresses=(*SIX, "fd00::3/64"), accept_ra=True)
    assert {"IPV6INIT=yes", "IPV6_AUTOCONF=yes", "IPV6ADDR=fd00::2/64",
            "IPV6ADDR_SECONDARIES=fd00::3/64"} <= lines(ifcfg.render(card))
    assert "DHCPV6C=yes" in lines(ifcfg.render(Interface("eth0", dhcp6=True)))
    with pytest.raises(Failure, match="make no VLAN 7 of that name") as caught:
        ifcfg.render(Interface("store", link="eth0", vlan=7))
    assert caught.value.hint == "call it eth0.7"


def test_wicked() -> None:
    assert "BOOTPROTO='dhcp'" in wicked.render(Interface("eth0", dhcp=True, dhcp6=True))
    assert "BOOTPROTO='dhcp6'" in wicked.render(Interface("eth0", dhcp6=True))


def test_netplan() -> None:
    text = netplan.render([Interface("eth0", dhcp6=True, accept_ra=False)])
    assert {"dhcp6: true", "accept-ra: false"} <= lines(text)
    text = netplan.render([Interface("eth0", accept_ra=True)], "NetworkManager")
    assert "dhcp6: true" in lines(text) and "accept-ra" not in text


@pytest.mark.parametrize("wrong", [
    {"name": "eth0", "addresses": ["fd00::2"]},
    {"name": "eth0", "gateway6": "fd00::g"},
    {"name": "eth0", "routes": [{"to": "10.0.0.1/8", "via": "10.0.0.2"}]},
    {"name": "eth0", "routes": [{"to": "10.0.0.0/8", "via": "router"}]},
    {"name": "eth0", "vlans": [{"name": "eth0 10", "id": 10}]},
])
def test_what_is_no_address_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Failure):
        interfaces({"interfaces": [wrong]})


def test_a_card_comes_before_its_vlans() -> None:
    made = interfaces({"interfaces": [
        {"name": "eth0", "address": "10.0.0.2/24",
         "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1", "metric": 5}],
         "vlans": [{"name": "eth0.2", "id": 2}]}, {"name": "eth1"}]})
    assert made == (
        Interface("eth0", addresses=("10.0.0.2/24",), routes=(Route("0.0.0.0/0", "10.0.0.1", 5),)),
        Interface("eth0.2", link="eth0", vlan=2), Interface("eth1"))
