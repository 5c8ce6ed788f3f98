"""Networks with real libvirt, dnsmasq and firewall; no packet leaves the host.

The machines on them have no disks: their firmware runs, and that is enough for a card on a bridge.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lxml import etree

from tests.integration.lab import Lab, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Make = Callable[[str], Lab]


def network(lab: Lab, name: str, spec: str) -> None:
    lab.write(f"net-{name}", f"kind: Network\nmetadata: {{name: {name}}}\nspec: {{{spec}}}")


def machine(lab: Lab, name: str, card: str) -> None:
    lab.write(f"vm-{name}", (
        f"kind: VirtualMachine\nmetadata: {{name: {name}}}\nspec:\n"
        f"  {{cpus: 1, memory: 64MiB, accel: tcg, autostart: false, interfaces: [{{{card}}}]}}"))


def xml(name: str, *flags: str) -> etree._Element:
    return etree.fromstring(virsh("net-dumpxml", *flags, name))


def both(name: str, path: str, attribute: str) -> list[list[str]]:
    """An attribute wherever it is: in the definition, and in what is active."""
    roots = (xml(name, "--inactive"), xml(name))
    return [[item.get(attribute, "") for item in root.findall(path)] for root in roots]


def tap(domain: str) -> str:
    return virsh("domiflist", domain).splitlines()[2].split()[0]


def ports(bridge: str) -> list[str]:
    return [path.name for path in Path(f"/sys/class/net/{bridge}/brif").iterdir()]


def notes(lab: Lab) -> list[str]:
    return [note["text"] for note in lab.plan()["notes"]]


def running(name: str) -> bool:
    return virsh("domstate", name).strip() == "running"


@contextmanager
def stranger(name: str, net: str) -> Iterator[str]:
    """A running machine that somebody else made."""
    definition = (
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>"
        f"<interface type='network'><source network='{net}'/></interface></devices></domain>")
    file = Path(f"/var/tmp/{name}.xml")
    file.write_text(definition)
    try:
        virsh("define", str(file))
        virsh("start", name)
        yield name
    finally:
        file.unlink()
        virsh("destroy", name, check=False)
        virsh("undefine", name, check=False)


def test_from_nothing_to_nothing(lab: Make, tmp_path: Path) -> None:
    one = lab("tctna")
    network(one, "nat", "subnet: 10.231.1.0/24, subnet6: 'fd00:231:1::/64', mtu: 1450, "
            "domain: nat.example, dhcp: {from: 10.231.1.100, to: 10.231.1.200}, "
            "dhcp6: {from: 'FD00:231:1:0::100', to: 'fd00:231:1::1ff'}, device: lo, dns: "
            "{forwarders: [192.0.2.53], hosts: [{address: 10.231.1.7, names: [b, c]}, "
            "{address: 10.231.1.5, names: [a]}]}")
    network(one, "route", "forward: route, subnet: 10.231.2.0/24, address: 10.231.2.254")
    network(one, "open", "forward: open, subnet: 10.231.3.0/25, autostart: false, "
            "dns: {enabled: false}")
    network(one, "isolated", "forward: isolated, bridge: tctnaisol")
    names = [f"tctna-{name}" for name in ("nat", "route", "open", "isolated")]
    one.apply()
    one.assert_settled()
    assert "No changes" in one.apply()
    for name in names:
        file = tmp_path / f"{name}.xml"
        file.write_text(virsh("net-dumpxml", "--inactive", name))
        argv = ["virt-xml-validate", str(file), "network"]
        assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    active = virsh("net-list", "--name").split()
    assert set(names) <= set(active)
    started = virsh("net-list", "--autostart", "--name").split()
    assert [name in started for name in names] == [True, True, False, True]
    assert both("tctna-route", "ip", "address") == [["10.231.2.254"]] * 2
    assert ports("tctnaisol") == []
    one.run("destroy", "--yes")
    assert not [name for name in virsh("net-list", "--all", "--name").split()
                if name.startswith("tctna-")]
    assert list((one.storage / "records").iterdir()) == []


def test_what_net_update_can_do_is_done_while_machines_run(lab: Make) -> None:
    one = lab("tctnb")
    head = "subnet: 10.231.4.0/24"
    network(one, "inner", f"{head}, dhcp: {{from: 10.231.4.100, to: 10.231.4.200}}")
    machine(one, "web", 'name: eth0, network: inner, address: 10.231.4.10, '
            'mac: "52:54:00:AA:00:01"')
    one.apply()
    one.assert_settled()
    name, domain = "tctnb-inner", "tctnb-web"
    assert both(name, "ip/dhcp/host", "ip") == [["10.231.4.10"]] * 2
    assert both(name, "ip/dhcp/host", "mac") == [["52:54:00:aa:00:01"]] * 2
    assert both(name, "ip/dhcp/host", "name") == [["web"]] * 2
    started = virsh("net-dumpxml", name)
    bridge = xml(name).find("bridge").get("name")
    card = tap(domain)
    assert ports(bridge) == [card]

    # Every live field at once, and the machine's address with them.
    network(one, "inner", f"{head}, dhcp: {{from: 10.231.4.50, to: 10.231.4.99}}, device: lo, "
            "dns: {hosts: [{address: 10.231.4.3, names: [mx]}]}")
    machine(one, "web", 'name: eth0, network: inner, address: 10.231.4.11, '
            'mac: "52:54:00:aa:00:01"')
    change = one.plan()["network/inner"]
    assert change["impact"] == "live" and notes(one) == []
    one.apply()
    one.assert_settled()
    assert both(name, "ip/dhcp/range", "start") == [["10.231.4.50"]] * 2
    assert both(name, "ip/dhcp/host", "ip") == [["10.231.4.11"]] * 2
    assert both(name, "dns/host", "ip") == [["10.231.4.3"]] * 2
    assert both(name, "forward/interface", "dev") == [["lo"]] * 2
    given = Path(f"/var/lib/libvirt/dnsmasq/{name}.hostsfile").read_text()
    assert given.strip() == "52:54:00:aa:00:01,10.231.4.11,web"
    assert (ports(bridge), tap(domain), running(domain)) == ([card], card, True)

    # And away again: what is no longer declared goes, as it came.
    network(one, "inner", head)
    machine(one, "web", 'name: eth0, network: inner, mac: "52:54:00:aa:00:01"')
    one.apply()
    one.assert_settled()
    assert both(name, "ip/dhcp", "x") == [[], []]
    assert ports(bridge) == [card]
    assert etree.fromstring(started).findtext("uuid") == xml(name).findtext("uuid")


def test_what_it_cannot_do_waits_for_consent_and_the_cards_are_put_back(lab: Make) -> None:
    one = lab("tctnc")
    network(one, "inner", "subnet: 10.231.5.0/24, mtu: 1450")
    machine(one, "web", "name: eth0, network: inner")
    machine(one, "db", "name: eth0, network: inner")
    one.apply()
    before = {name: (virsh("domid", f"tctnc-{name}"), tap(f"tctnc-{name}"))
              for name in ("web", "db")}

    network(one, "inner", "subnet: 10.231.6.0/24, mtu: 1400, domain: inner.example, "
            "forward: route, dhcp: {from: 10.231.6.10, to: 10.231.6.20}")
    said = one.run("plan")
    assert "~ network/inner  [when it restarts]" in said and "dhcp.from" in said
    one.apply()
    for _ in range(2):
        (note,) = notes(one)
        assert note == ("waits for a restart (--restart network/inner): address, dhcp.from, "
                        "dhcp.to, domain, forward, mtu, subnet")
        one.assert_settled()
    assert both("tctnc-inner", "mtu", "size") == [["1400"], ["1450"]]

    said = one.apply("--restart", "network/inner")
    assert "restarts the network" in said
    one.assert_settled()
    assert notes(one) == []
    assert both("tctnc-inner", "mtu", "size") == [["1400"]] * 2
    assert both("tctnc-inner", "ip/dhcp/range", "start") == [["10.231.6.10"]] * 2
    bridge = xml("tctnc-inner").find("bridge").get("name")
    assert sorted(ports(bridge)) == sorted(card for _, card in before.values())

    # Another bridge, with consent at once: libvirt itself has to know where the cards are now.
    network(one, "inner", "subnet: 10.231.6.0/24, mtu: 1400, forward: route, bridge: tctncnew")
    one.apply("--restart", "network/inner")
    one.assert_settled()
    assert sorted(ports("tctncnew")) == sorted(card for _, card in before.values())
    live = etree.fromstring(virsh("dumpxml", "tctnc-web"))
    assert live.find("devices/interface/source").get("bridge") == "tctncnew"
    assert before == {name: (virsh("domid", f"tctnc-{name}"), tap(f"tctnc-{name}"))
                      for name in before}


def test_drift_is_shown_and_put_right(lab: Make) -> None:
    one = lab("tctnd")
    name, domain = "tctnd-inner", "tctnd-web"
    network(one, "inner", "subnet: 10.231.7.0/24, dhcp: {from: 10.231.7.100, to: 10.231.7.200}")
    machine(one, "web", "name: eth0, network: inner, address: 10.231.7.10")
    one.apply()
    bridge, card = xml(name).find("bridge").get("name"), tap(domain)
    wrong = "<range start='10.231.7.30' end='10.231.7.40'/>"
    host = etree.tostring(xml(name).find("ip/dhcp/host"), encoding="unicode")
    for act in (
        ("net-update", name, "add", "ip-dhcp-range", wrong, "--live"),
        ("net-update", name, "add", "ip-dhcp-range", wrong, "--config"),
        ("net-update", name, "delete", "ip-dhcp-host", host, "--live"),
        ("net-update", name, "delete", "ip-dhcp-host", host, "--live", "--config"),
        ("net-autostart", name, "--disable"),
        ("net-destroy", name),
        ("net-undefine", name),
    ):
        virsh(*act)
        assert "network/inner" in one.plan(), act
        one.apply()
        one.assert_settled()
        assert both(name, "ip/dhcp/range", "start") == [["10.231.7.100"]] * 2, act
        assert both(name, "ip/dhcp/host", "ip") == [["10.231.7.10"]] * 2, act
        assert ports(bridge) == [card], act
    # Gone altogether, and a machine still runs on it.
    virsh("net-destroy", name)
    virsh("net-undefine", name)
    assert one.plan()["network/inner"]["action"] == "create"
    one.apply()
    one.assert_settled()
    assert ports(xml(name).find("bridge").get("name")) == [card]
    # Somebody restarted it and forgot the cards: they are not plugged in, and that shows.
    virsh("net-destroy", name)
    virsh("net-start", name)
    (field,) = one.plan()["network/inner"]["fields"]
    assert (field["field"], field["old"]) == ("active", f"without {domain} ({card})")
    one.apply()
    one.assert_settled()
    assert ports(xml(name).find("bridge").get("name")) == [card]
    assert running(domain)


def test_a_bridge_of_the_host(lab: Make) -> None:
    one = lab("tctne")
    network(one, "outer", "forward: bridge, bridge: tctne0")
    machine(one, "web", "name: eth0, network: outer")
    assert "this host has no bridge tctne0" in one.run("plan", expect=1)
    subprocess.run(["ip", "link", "add", "tctne0", "type", "bridge"], check=True)
    try:
        one.apply()
        one.assert_settled()
        assert ports("tctne0") == [tap("tctne-web")]
        assert notes(one) == []
        # From the host's bridge to one of libvirt's own, under the running machine.
        network(one, "outer", "subnet: 10.231.8.0/24")
        one.apply("--restart", "network/outer")
        one.assert_settled()
        bridge = xml("tctne-outer").find("bridge").get("name")
        assert bridge != "tctne0" and ports(bridge) == [tap("tctne-web")]
        network(one, "outer", "subnet: 10.231.8.0/24, bridge: tctne0")
        assert "this host has a bridge tctne0 already" in one.run("plan", expect=1)
        # And back.
        network(one, "outer", "forward: bridge, bridge: tctne0")
        one.apply("--restart", "network/outer")
        one.assert_settled()
        assert ports("tctne0") == [tap("tctne-web")]
        assert notes(one) == []
        virsh("destroy", "tctne-web")
        one.run("destroy", "--yes")
        assert Path("/sys/class/net/tctne0").exists()
    finally:
        subprocess.run(["ip", "link", "delete", "tctne0"], check=True)


def test_a_network_stays_under_other_peoples_machines(lab: Make) -> None:
    one = lab("tctnf")
    network(one, "inner", "subnet: 10.231.9.0/24")
    one.apply()
    with stranger("tctnf_stranger", "tctnf-inner") as other:
        network(one, "inner", "subnet: 10.231.9.0/24, mtu: 1400")
        change = one.plan("--restart", "network/inner")["network/inner"]
        assert other in change["blocked"]
        one.apply("--restart", "network/inner", expect=1)
        assert both("tctnf-inner", "mtu", "size") == [[], []]
        one.apply()
        one.assert_settled()
        assert f"in use by the running domain {other}" in one.run("destroy", "--yes", expect=1)
        (one.manifests / "net-inner.yaml").unlink()
        one.apply("--prune", expect=1)
        assert "tctnf-inner" in virsh("net-list", "--name").split()
        assert len(ports(xml("tctnf-inner").find("bridge").get("name"))) == 1
    one.apply("--prune")
    one.assert_settled()
    assert "tctnf-inner" not in virsh("net-list", "--all", "--name").split()


def test_what_others_made_is_left_alone_until_it_is_taken_over(lab: Make, tmp_path: Path) -> None:
    one = lab("tctng")
    file = tmp_path / "other.xml"
    file.write_text(
        "<network><name>tctng-inner</name><bridge name='tctng0' stp='off' delay='3'/>"
        "<ip address='10.231.10.1' netmask='255.255.255.0'/></network>")
    virsh("net-define", str(file))
    virsh("net-start", "tctng-inner")
    uuid = virsh("net-uuid", "tctng-inner")
    # The same subnet under another name is in the way.
    network(one, "clash", "subnet: 10.231.10.128/25")
    said = one.run("plan", expect=1)
    assert "libvirt's network tctng-inner has 10.231.10.0/24" in said and "net-clash.yaml:4" in said
    (one.manifests / "net-clash.yaml").unlink()

    network(one, "inner", "forward: isolated, subnet: 10.231.10.0/24, domain: inner.example")
    one.apply(expect=1)
    assert "tinycloud" not in virsh("net-dumpxml", "--inactive", "tctng-inner")
    one.run("destroy", "--yes")
    assert "tctng-inner" in virsh("net-list", "--name").split()
    one.apply("--adopt", "network/inner")
    one.assert_settled()
    assert virsh("net-uuid", "tctng-inner") == uuid
    assert xml("tctng-inner", "--inactive").find("bridge").get("stp") == "off"
    # A copy of it is not ours.
    copy = virsh("net-dumpxml", "--inactive", "tctng-inner").replace("tctng-inner", "tctng-copy")
    copy = copy.replace(uuid.strip(), "8b9c1d34-2f4e-4c4b-9f59-0e6f40f4a6d1").replace(
        "tctng0", "tctng1")
    file.write_text("".join(line for line in copy.splitlines(True) if "<mac" not in line))
    virsh("net-define", str(file))
    one.assert_settled()
    network(one, "copy", "forward: isolated, subnet: 10.231.11.0/24")
    assert "network/inner" in one.plan()["network/copy"]["blocked"]
    (one.manifests / "net-copy.yaml").unlink()
    one.run("destroy", "--yes")
    assert "tctng-inner" not in virsh("net-list", "--all", "--name").split()
    assert "tctng-copy" in virsh("net-list", "--all", "--name").split()
