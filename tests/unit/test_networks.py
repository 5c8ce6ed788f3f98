"""Networks in the planner, and what machines and guests get from them, on a host in memory."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.cloud import (
    IMAGE,
    brief,
    carry_out,
    destroy_for,
    fake_host,
    load,
    plan_for,
    settle,
)
from tiny_cloud import probe, steps
from tiny_cloud.libvirt_xml import read_network
from tiny_cloud.model import Address, Impact, Plan
from tiny_cloud.networks.addresses import completed
from tiny_cloud.networks.subnets import overlapping
from tiny_cloud.render.text import summary

NET = """
kind: Network
metadata: {name: inner}
spec: {subnet: 10.44.0.0/24, dhcp: {from: 10.44.0.100, to: 10.44.0.200}, domain: lab.example}
"""
BARE = """
kind: VirtualMachine
metadata: {name: bare}
spec:
  cpus: 1
  memory: 64MiB
  interfaces: [{name: eth0, network: inner, mac: "52:54:00:00:00:0a", address: 10.44.0.10}]
"""
GUEST = """
kind: VirtualMachine
metadata: {name: web}
spec:
  cpus: 1
  memory: 64MiB
  disks: [{name: root, image: debian, size: 4GiB}]
  interfaces:
    - {name: eth0, network: inner, address: 10.44.0.20}
    - {name: eth1, network: inner, address: 10.44.0.21/24}
"""
ADDRESS = Address("network", "inner")


def live_on(host: FakeHost, domain: str, tap: str, *, bridge: str = "virbr0") -> None:
    """As libvirt shows a running card: with its tap and where it is."""
    facts = host.domain[domain]
    live = facts.live_xml.replace(
        '<source network="lab-inner"/>',
        f'<source network="lab-inner" bridge="{bridge}"/><target dev="{tap}"/>')
    assert tap in live
    host.domain[domain] = replace(facts, live_xml=live)


def settled(*documents: str) -> FakeHost:
    """The machine ``bare`` runs with its card on the bridge."""
    host = fake_host()
    settle(host, *documents)
    live_on(host, "lab-bare", "vnet0")
    host.bridge["virbr0"] = frozenset({"vnet0"})
    host.performed.clear()
    return host


def fields(host: FakeHost) -> dict[str, object]:
    return read_network(host.network["lab-inner"].live_xml)


def texts(plan: Plan) -> list[str]:
    return [note.text for note in plan.notes]


def test_a_machine_starts_after_its_network() -> None:
    host = fake_host()
    plan = settle(host, BARE, NET)
    assert brief(plan) == ["+ network/inner", "+ virtualmachine/bare"]
    kinds = [type(step).__name__ for step in host.performed]
    assert kinds.index("StartNetwork") < kinds.index("Define") < kinds.index("Start")
    assert 'network="lab-inner"' in host.domain["lab-bare"].xml
    assert fields(host)["reservations[52:54:00:00:00:0a]"] == "10.44.0.10 bare"


def test_a_reservation_goes_with_its_machine_also_without_prune() -> None:
    host = settled(NET, BARE)
    settle(host, NET)
    assert "reservations[52:54:00:00:00:0a]" not in fields(host)
    assert "lab-bare" in host.domain


def test_a_network_alone_does_not_restart_the_machines_on_it() -> None:
    host = settled(NET, BARE)
    more = NET.replace("domain: lab.example", "domain: lab.example, mtu: 1400")
    plan = settle(host, more, BARE)
    assert plan.changes[0].impact is Impact.NEXT_BOOT
    assert texts(plan_for(host, more, BARE)) == [
        "waits for a restart (--restart network/inner): mtu"]
    # Consent to a machine's restart is none to its network's.
    assert brief(plan_for(host, more, BARE, restart=("virtualmachine/bare",))) == []
    host.performed.clear()
    plan = settle(host, more, BARE, restart=("network/inner",))
    assert brief(plan) == ["↻ network/inner"]
    assert [type(step).__name__ for step in host.performed] == [
        "StopNetwork", "StartNetwork", "WriteRecord"]
    assert summary(plan) == "Plan: 1 to restart. Restarts network/inner."


def test_a_machine_that_restarts_as_well_comes_up_on_the_restarted_network() -> None:
    host = settled(NET, BARE)
    more, larger = NET.replace("domain:", "mtu: 1400, domain:"), BARE.replace("64MiB", "96MiB")
    settle(host, more, larger, restart=("*/*",))
    order = [type(step).__name__ for step in host.performed]
    stops = [order.index(name) for name in ("Shutdown", "StopNetwork", "StartNetwork", "Start")]
    assert stops == sorted(stops)


def test_with_consent_the_change_and_the_restart_are_one() -> None:
    host = settled(NET, BARE)
    more = NET.replace("10.44.0.100", "10.44.0.50").replace("}, domain", "}, mtu: 1400, domain")
    settle(host, more, BARE, restart=("network/*",))
    assert [type(step).__name__ for step in host.performed] == [
        "DefineNetwork", "StopNetwork", "StartNetwork", "WriteRecord"]
    assert fields(host)["mtu"] == 1400


def test_a_range_outside_the_active_subnet_waits_with_it() -> None:
    host = fake_host()
    settle(host, NET)
    other = NET.replace("10.44.", "10.45.")
    plan = plan_for(host, other)
    assert {diff.field: diff.impact for diff in plan.changes[0].diffs} == dict.fromkeys(
        ("subnet", "address", "dhcp.from", "dhcp.to"), Impact.NEXT_BOOT)
    carry_out(host, plan)
    assert not [step for step in host.performed if isinstance(step, steps.UpdateNetwork)]
    assert texts(plan_for(host, other)) == [
        "waits for a restart (--restart network/inner): address, dhcp.from, dhcp.to, subnet"]


def test_both_change_in_one_apply_each_in_its_own_way() -> None:
    host = fake_host()
    settle(host, NET)
    host.performed.clear()
    settle(host, NET.replace("10.44.0.100", "10.44.0.50").replace("lab.example", "other.example"))
    define, delete, add, _ = host.performed
    assert isinstance(define, steps.DefineNetwork)
    for step in (delete, add):
        assert isinstance(step, steps.UpdateNetwork) and (step.live, step.config) == (True, False)


def test_it_does_not_restart_under_other_peoples_machines() -> None:
    host = settled(NET, BARE)
    other = host.domain["lab-bare"]
    # A copy of ours (virt-clone) is not ours.
    xml = other.xml.replace(f"<uuid>{other.uuid}", "<uuid>00000000-0000-4000-8000-000000000001")
    host.domain["theirs"] = replace(
        other, name="theirs", uuid="00000000-0000-4000-8000-000000000001", xml=xml,
        live_xml=other.live_xml.replace("vnet0", "vnet1"))
    host.bridge["virbr0"] |= {"vnet1"}
    more = NET.replace("domain:", "mtu: 1400, domain:")
    settle(host, more, BARE)
    (change,) = plan_for(host, more, BARE, restart=("network/inner",)).changes
    assert "theirs" in change.blocked and "lab-bare" not in change.blocked
    plan = destroy_for(host, more, BARE)
    assert brief(plan) == ["- virtualmachine/bare", "- network/inner !"]
    blocked = plan.changes[1].blocked
    assert blocked == "it is in use by the running domain theirs"
    del host.domain["theirs"]
    assert brief(destroy_for(host, more, BARE)) == ["- virtualmachine/bare", "- network/inner"]


@pytest.mark.parametrize("spoil", ["stop", "undefine", "unplug", "autostart", "live", "config"])
def test_drift_shows_and_is_put_right(spoil: str) -> None:
    host = settled(NET, BARE)
    facts = host.network["lab-inner"]
    wrong = {"live_xml": facts.live_xml.replace("10.44.0.100", "10.44.0.30"),
             "xml": facts.xml.replace("10.44.0.10\"", "10.44.0.77\"")}
    if spoil == "unplug":
        host.bridge["virbr0"] = frozenset()
    else:
        host.network["lab-inner"] = replace(facts, **{
            "stop": {"live_xml": ""}, "undefine": {"persistent": False, "autostart": False},
            "autostart": {"autostart": False}, "live": {"live_xml": wrong["live_xml"]},
            "config": {"xml": wrong["xml"]}}[spoil])
    plan = settle(host, NET, BARE)
    assert brief(plan) == ["~ network/inner"]
    assert host.network["lab-inner"].persistent
    assert fields(host)["dhcp.from"] == "10.44.0.100"
    assert texts(plan_for(host, NET, BARE)) == []


def test_what_others_changed_in_the_definition_alone_needs_no_restart() -> None:
    host = settled(NET, BARE)
    facts = host.network["lab-inner"]
    host.network["lab-inner"] = replace(facts, xml=facts.xml.replace("lab.example", "x.example"))
    plan = settle(host, NET, BARE, restart=("network/inner",))
    assert (brief(plan), plan.changes[0].impact) == (["~ network/inner"], Impact.NONE)


def test_a_network_made_anew_leaves_its_machines_alone() -> None:
    host = settled(NET, BARE)
    del host.network["lab-inner"]
    assert brief(plan_for(host, NET, BARE)) == ["+ network/inner"]


def test_a_foreign_network_holds_its_machines_back() -> None:
    host = fake_host()
    settle(host, NET)
    facts = host.network["lab-inner"]
    host.network["lab-inner"] = replace(
        facts, xml=facts.xml.replace('cloud="lab"', 'cloud="other"'))
    plan = plan_for(host, NET, BARE)
    assert brief(plan) == ["~ network/inner !", "+ virtualmachine/bare !"]


def test_wherever_an_apply_is_cut_off_the_next_one_ends_in_an_empty_plan() -> None:
    more = NET.replace("domain:", "mtu: 1400, domain:").replace("10.44.0.100", "10.44.0.50")
    for last in range(1, 8):
        host = fake_host()
        for documents, consents in (((NET,), {}), ((more,), {"restart": ("network/inner",)})):
            host.performed.clear()
            host.fails = lambda step, host=host, last=last: len(host.performed) >= last
            carry_out(host, plan_for(host, *documents, **consents))
            host.fails = lambda step: False
            settle(host, *documents, **consents)


def test_a_declared_network_and_libvirts_own_of_the_same_name_are_two() -> None:
    host = settled(NET, BARE)
    facts = host.domain["lab-bare"]
    host.domain["lab-bare"] = replace(facts, xml=facts.xml.replace("lab-inner", "inner"))
    (change,) = settle(host, NET, BARE).changes
    (diff,) = change.diffs
    assert (diff.old, diff.new) == ("inner (libvirt's own)", "inner")


def test_a_guest_gets_prefix_router_and_name_server_from_the_network() -> None:
    host = fake_host()
    settle(host, NET, IMAGE, GUEST)
    (edit,) = (step for step in host.performed if isinstance(step, steps.EditGuest))
    first, second = edit.settings["interfaces"]
    assert first | {"mac": ""} == {
        "name": "eth0", "mac": "", "address": "10.44.0.20/24", "gateway": "10.44.0.1",
        "dns": ["10.44.0.1"], "search": ["lab.example"]}
    assert "gateway" not in second and second["address"] == "10.44.0.21/24"
    kept = {text for name, text in fields(host).items() if name.startswith("reservations")}
    assert kept == {"10.44.0.20 web", "10.44.0.21 web-eth1"}
    # Another router of the network is another one in the guest.
    moved = NET.replace("subnet: 10.44.0.0/24,", "subnet: 10.44.0.0/24, address: 10.44.0.254,")
    changes = {str(c.address): c for c in plan_for(host, moved, IMAGE, GUEST).changes}
    assert "interfaces[eth0].gateway" in {d.field for d in changes["guest/web"].diffs}


ROUTED = {"subnet": "10.44.0.0/24", "address": "10.44.0.1", "gateway": "10.44.0.1",
          "isolated": False, "dns": ("10.44.0.1",), "search": ()}
DEAD_END = {**ROUTED, "gateway": "", "isolated": True, "dns": ()}
BRIDGED = {"subnet": "", "address": "", "gateway": "", "isolated": False, "dns": (), "search": ()}


@pytest.mark.parametrize(("cards", "networks", "gateways"), [
    ([{"name": "a", "dhcp": True}, {"name": "b", "address": "10.44.0.2"}],
     {"b": ROUTED}, [None, None]),
    ([{"name": "a", "dhcp": True}, {"name": "b", "address": "10.44.0.2"}],
     {"a": DEAD_END, "b": ROUTED}, [None, "10.44.0.1"]),
    ([{"name": "a", "dhcp": True}, {"name": "b", "address": "10.44.0.2"}],
     {"a": BRIDGED, "b": ROUTED}, [None, None]),
    ([{"name": "a", "address": "10.44.0.2"}, {"name": "b", "address": "10.0.0.2/8",
                                              "gateway": "10.0.0.1"}],
     {"a": ROUTED}, [None, "10.0.0.1"]),
    ([{"name": "a", "address": "10.44.0.2/24"}], {}, [None]),
])
def test_one_card_at_most_gets_a_router(
    cards: list[dict[str, object]], networks: dict[str, dict[str, object]],
    gateways: list[str | None],
) -> None:
    found = completed(cards, networks)
    assert [card.get("gateway") for card in found] == gateways


def test_own_name_servers_are_the_only_ones() -> None:
    cards = [{"name": "a", "address": "10.44.0.2", "dns": []}, {"name": "b", "dhcp": True}]
    assert [card.get("dns") for card in completed(cards, {"a": ROUTED})] == [[], None]


def test_overlapping_subnets_are_found_in_any_order() -> None:
    subnets = [("10.2.0.0/16", "a"), ("10.1.0.0/24", "b"), ("10.2.3.0/24", "c"),
               ("fd00::/64", "d"), ("10.2.255.0/24", "e"), ("10.0.0.0/15", "f")]
    assert sorted(overlapping(subnets)) == [("a", "c"), ("a", "e"), ("b", "f")]


def checked(host: FakeHost, *documents: str) -> list[str]:
    return [str(problem) for problem in probe.check(host, load(*documents).resources)]


def test_what_this_host_has_not_or_has_already() -> None:
    host = fake_host()
    settle(host, NET)
    assert checked(host, NET) == []
    (overlap,) = checked(host, NET.replace("inner", "other"))
    assert overlap.startswith("<stdin>:10:16: network/other: libvirt's network lab-inner has")
    bridged = "kind: Network\nmetadata: {name: b}\nspec: {forward: bridge, bridge: br0}"
    (missing,) = checked(host, bridged)
    assert "network/b: this host has no bridge br0" in missing
    host.bridge["br0"] = frozenset()
    assert checked(host, bridged) == []
    made = "kind: Network\nmetadata: {name: b}\nspec: {forward: isolated, bridge: br0}"
    assert "this host has a bridge br0 already" in checked(host, made)[0]


def test_a_machine_may_also_use_what_libvirt_has() -> None:
    host = fake_host()
    theirs = BARE.replace("network: inner", "network: default").replace(", address: 10.44.0.10", "")
    assert "libvirt has no active network default" in checked(host, theirs)[0]
    settle(host, NET)
    host.network["default"] = replace(host.network["lab-inner"], name="default")
    assert checked(host, theirs) == []
    host.network["default"] = replace(host.network["default"], live_xml="")
    assert len(checked(host, theirs)) == 1
    assert checked(host, NET, BARE) == []
