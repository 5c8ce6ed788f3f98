"""Where a machine is: who says so, and which of it leads in by ssh."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.fake.libvirt import FakeLibvirt, device
from tests.unit.conftest import Run
from tests.unit.reach.conftest import with_agent
from tiny_cloud.libvirt_xml import Forward, read
from tiny_cloud.reach import login
from tiny_cloud.reach.addresses import Card, Found, Source, Told, merged
from tiny_cloud.reach.login import Way, direct, forwarded
from tiny_cloud.schema.files import whole

LEASE, AGENT, ARP = range(3)
"""libvirt's (virDomainInterfaceAddressesSource)."""
LAN = Card("lan0", "52:54:00:00:00:01", "network lan")


def mac_of(host: FakeHost, domain: str, card: str) -> str:
    return str(read(host.domain[domain].xml)[f"interfaces[{card}].mac"])


def test_one_address_has_all_who_tell_of_it_the_surest_first() -> None:
    found = merged([LAN], [
        (Source.LEASE, [Told(LAN.mac, "10.0.0.2", 24), Told(LAN.mac, "10.0.0.3", 24),
                        Told(LAN.mac, "10.0.0.2", 16)]),
        (Source.ARP, [Told(LAN.mac, "10.0.0.3", 0)]),
        (Source.DECLARED, [Told(LAN.mac, "10.0.0.3")])])
    assert [(one.address, one.prefix, one.sources) for one in found] == [
        ("10.0.0.2", 24, (Source.LEASE,)),
        ("10.0.0.3", 24, (Source.LEASE, Source.ARP, Source.DECLARED))]


@pytest.mark.parametrize("address", [
    "127.0.0.1", "::1", "fe80::1", "169.254.3.4", "0.0.0.0", "ff02::1", "10.0.0.2/24", "",
    "-oProxyCommand=x", "fd00::1%$(x)", "10.0.0.2\n", "999.1.1.1"])
def test_what_leads_nowhere_is_left_out(address: str) -> None:
    assert merged([LAN], [(Source.AGENT, [Told(LAN.mac, address, 8)])]) == []


def seen(card: Card, address: str, *sources: Source) -> Found:
    return Found(address, None, card.mac, card, sources)


def test_the_ways_in_the_surest_first() -> None:
    out = Card("out0", "", "user", (Forward(8080, 80), Forward(2200, 22, "udp"), Forward(2222, 22)))
    found = [seen(LAN, "10.0.0.9", Source.DECLARED), seen(LAN, "fd00::2", Source.AGENT),
             seen(LAN, "10.0.0.2", Source.ARP), seen(out, "10.0.2.15", Source.AGENT),
             seen(Card("d", "", "direct eno1"), "192.0.2.7", Source.AGENT),
             Found("172.17.0.1", 16, "", None, (Source.AGENT,))]
    assert forwarded([LAN, out]) == [Way("127.0.0.1", 2222)]
    assert direct(found) == [Way("10.0.0.2"), Way("fd00::2"), Way("10.0.0.9")]


def test_whom_a_manifest_lets_in() -> None:
    key, password = {"authorizedKeys": ["ssh-ed25519 A"]}, {"password": {"env": "X"}}
    assert login.user({}) == ""
    assert login.user({"koder": {}, "daemon": {**key, "system": True}}) == ""
    assert login.user({"gone": {**key, "locked": True}, "root": password}) == "root"
    assert login.user({"root": password, "koder": password}) == "koder"
    assert login.user({"koder": password, "root": key}) == "root"
    assert login.user({"root": key, "koder": key, "ann": key}) == "koder"


def test_addresses_from_every_source(
    run: Run, host: FakeHost, connection: FakeLibvirt
) -> None:
    mac = mac_of(host, "lab-web", "lan0")
    connection.told = {
        ("lab-web", LEASE): {"vnet0": device(mac, "10.44.0.10/24")},
        ("lab-web", ARP): {"vnet0": device(mac, "10.44.0.77/0")},
        ("lab-web", AGENT): {"lo": device("00:00:00:00:00:00", "127.0.0.1/8"),
                             "eth0": device(mac.upper(), "10.44.0.10/24"),
                             "docker0": device("02:42:00:00:00:01", "172.17.0.1/16")}}
    code, out, _ = run("ip", "web")
    rows = [line.split() for line in out.splitlines()]
    assert code == 0 and rows[0] == ["CARD", "ADDRESS", "SOURCE", "NETWORK", "MAC"]
    assert ["lan0", "10.44.0.10/24", "lease,declared", "network", "lan", mac] in rows
    assert rows[-1][:6] == ["out0", "127.0.0.1:2222", "forward", "user,", "tcp", "22"]
    assert "docker" not in out and "172.17" not in out, "its agent has not opened its channel"
    with_agent(host, "lab-web")
    document = json.loads(run("ip", "vm/web", "-o", "json")[1])
    jsonschema.Draft202012Validator.check_schema(whole("addresses"))
    jsonschema.validate(document, whole("addresses"))
    assert [(one["address"], one["card"], one["sources"]) for one in document["addresses"]] == [
        ("10.44.0.10", "lan0", ["agent", "lease", "declared"]), ("172.17.0.1", None, ["agent"]),
        ("10.44.0.77", "lan0", ["arp"])]
    assert document["machine"] == "virtualmachine/web"
    assert [(one["port"], one["guestPort"]) for one in document["forwards"]] == [(2222, 22)]
    out = run("ip", "web", "--source", "arp")[1]
    assert "10.44.0.77" in out and "10.44.0.10" not in out and "2222" not in out


@pytest.mark.parametrize(("argv", "said"), [
    (("db",), "it is off"),
    (("web", "--source", "agent"), "its guest agent does not answer"),
    (("web", "--source", "lease"), "no lease is given to its cards"),
    (("db", "--source", "declared"), "it is off"),
])
def test_no_address_is_an_error_with_its_reason(
    run: Run, host: FakeHost, connection: FakeLibvirt, argv: tuple[str, ...], said: str
) -> None:
    code, out, err = run("ip", *argv)
    assert (code, out) == (1, "")
    assert f"no address of virtualmachine/{argv[0]} is known" in err and said in err


def test_a_source_that_fails_keeps_no_other_from_telling(
    run: Run, host: FakeHost, connection: FakeLibvirt
) -> None:
    connection.failing = {ARP}
    connection.told = {("lab-web", LEASE): {"a": device(mac_of(host, "lab-web", "lan0"),
                                                        "10.44.0.10/24")}}
    code, out, err = run("ip", "web")
    assert code == 0 and "10.44.0.10/24   lease,declared" in out
    assert err == "cannot ask: wrong nlmsg len\\u001b\n"
    code, out, err = run("ip", "web", "--source", "arp")
    assert (code, out) == (1, "") and "nlmsg" in err and "no address of" in err
    connection.told = {}
    code, _, err = run("wait", "web", "--for", "ip", "--timeout", "0")
    assert code == 1 and "has not heard of them; cannot ask: wrong nlmsg len" in err


def test_a_machine_without_cards(
    run: Run, host: FakeHost, connection: FakeLibvirt, tmp_path: Path
) -> None:
    file = tmp_path / "manifests/all.yaml"
    text = file.read_text().replace("interfaces: [{name: out0, user: {}}]", "title: x")
    file.write_text(text.replace("running: false", "running: true"))
    assert run("apply", "--yes", "--parallel", "1")[0] == 0
    assert "it has no network card" in run("ip", "db")[2]


def test_a_machine_that_only_has_a_hidden_network(
    run: Run, host: FakeHost, connection: FakeLibvirt
) -> None:
    run("start", "db", "--yes")
    assert "forward a port (interfaces[].user.forward)" in run("ip", "db")[2]
    assert "nothing is declared" in run("ip", "db", "--source", "declared")[2]


def test_several_are_not_one(run: Run, host: FakeHost, connection: FakeLibvirt) -> None:
    code, _, err = run("ip", "*")
    assert code == 1 and "is more than one machine: virtualmachine/web, virtualmachine/db" in err


def test_one_that_is_somebody_else_s(
    run: Run, host: FakeHost, connection: FakeLibvirt
) -> None:
    facts = host.domain["lab-web"]
    bare = re.sub(r"<metadata>.*</metadata>", "", facts.xml, flags=re.DOTALL)
    host.domain["lab-web"] = replace(facts, xml=bare)
    code, _, err = run("ip", "web")
    assert code == 1 and "tinycloud apply --adopt virtualmachine/web" in err


def test_one_that_is_not_made_yet(run: Run, host: FakeHost, connection: FakeLibvirt) -> None:
    del host.domain["lab-web"]
    code, _, err = run("ip", "web")
    assert code == 1 and "virtualmachine/web is not there" in err and "tinycloud apply" in err
