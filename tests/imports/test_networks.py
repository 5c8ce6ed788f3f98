"""Networks that other tools wrote: each becomes a manifest whose plan, adopted, is empty."""

from __future__ import annotations

import pytest

from tests.fake.host import FakeHost
from tests.imports.hosts import UUID, host_with
from tests.unit.cloud import carry_out, plan_for
from tiny_cloud.errors import Failure
from tiny_cloud.facts import NetworkFacts
from tiny_cloud.foreign.survey import Survey
from tiny_cloud.writing import text

NETWORKS = {
    # As Debian's libvirt-daemon-config-network installs it.
    "default": """
        <forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>
        <bridge name='virbr0' stp='on' delay='0'/><mac address='52:54:00:5f:ab:01'/>
        <ip address='192.168.122.1' netmask='255.255.255.0'>
          <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip>""",
    # The others are of the kinds that virt-manager's assistant makes.
    "Lab_1": """
        <forward mode='nat'/><bridge name='virbr1' stp='on' delay='0'/>
        <domain name='lab.example' localOnly='yes'/>
        <dns><forwarder addr='9.9.9.9'/><host ip='10.9.0.2'><hostname>db</hostname></host></dns>
        <ip address='10.9.0.254' prefix='24'><dhcp><range start='10.9.0.100' end='10.9.0.200'/>
          <host mac='52:54:00:00:00:01' name='web' ip='10.9.0.10'/></dhcp></ip>
        <ip family='ipv6' address='fd00:9::1' prefix='64'/>""",
    "routed": """
        <forward dev='eth0' mode='route'><interface dev='eth0'/></forward>
        <bridge name='virbr2'/><mtu size='1400'/>
        <ip address='10.10.0.1' netmask='255.255.255.0'/>""",
    "bridged": "<forward mode='bridge'/><bridge name='br0'/>",
    "isolated": "<bridge name='virbr3' stp='on' delay='0'/>",
    "open": """
        <forward mode='open'/><bridge name='virbr4'/><ip address='10.11.0.1' prefix='24'/>""",
}


def host_of(name: str, inner: str, *, active: bool = True) -> FakeHost:
    host = host_with()
    host.bridge["br0"] = frozenset()
    xml = f"<network><name>{name}</name><uuid>{UUID}</uuid>{inner}</network>"
    host.network[name] = NetworkFacts(name, UUID, xml, xml if active else "", autostart=True)
    return host


@pytest.mark.parametrize("name", NETWORKS)
def test_it_comes_back_as_it_was(name: str) -> None:
    host = host_of(name, NETWORKS[name])
    before = host.network[name]
    found = Survey(host, "lab").named("network", name)
    document = text(found.document).removeprefix("apiVersion: tinycloud/v1\n")
    wanted = plan_for(host, document, adopt=("*",))
    (change,) = wanted.changes
    assert (change.blocked, change.diffs, wanted.notes) == ("", (), ())
    assert [e for e in carry_out(host, wanted) if e.what in ("failed", "skipped")] == []
    again = plan_for(host, document)
    assert (again.changes, again.notes) == ((), ())
    assert host.network[name].live_xml == before.live_xml
    assert set(host.network) == {name}


def test_all_of_it_is_there() -> None:
    found = Survey(host_of("Lab_1", NETWORKS["Lab_1"]), "lab").named("", "Lab_1")
    assert text(found.document, found.remarks) == """\
# The addresses it keeps stay, and are not in here: 52:54:00:00:00:01 10.9.0.10 web.
apiVersion: tinycloud/v1
kind: Network
metadata: {name: lab-1}
spec:
  libvirtName: Lab_1
  bridge: virbr1
  subnet: 10.9.0.0/24
  address: 10.9.0.254
  subnet6: fd00:9::/64
  dhcp: {from: 10.9.0.100, to: 10.9.0.200}
  dns:
    forwarders: [9.9.9.9]
    hosts:
      - {address: 10.9.0.2, names: [db]}
  domain: lab.example
"""


def test_one_that_sleeps_is_going_to_be_started() -> None:
    found = Survey(host_of("open", NETWORKS["open"], active=False), "lab").named("", "open")
    assert found.remarks == ("It is not active: a plan will start it.",)


@pytest.mark.parametrize(("inner", "why"), [
    ("<forward mode='hostdev'/>", "spare is no Network: there is no forward hostdev"),
    ("<forward mode='bridge' dev='eth0'/>",
     "spare cannot be a Network: forward: bridge needs the name of a bridge that the host has"),
])
def test_what_is_no_network_of_ours(inner: str, why: str) -> None:
    survey = Survey(host_of("spare", inner), "lab")
    with pytest.raises(Failure, match=why):
        survey.named("network", "spare")
    assert survey.everything() == ([], [why])
