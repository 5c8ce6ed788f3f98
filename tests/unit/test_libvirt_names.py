"""A machine or a network that libvirt calls by a name of its own."""

from __future__ import annotations

import pytest

from tests.unit.cloud import brief, destroy_for, fake_host, load, plan_for, settle
from tiny_cloud.errors import Problems


def machine(name: str, called: str, more: str = "") -> str:
    return f"""
        kind: VirtualMachine
        metadata: {{name: {name}{more}}}
        spec: {{libvirtName: {called}, cpus: 1, memory: 64MiB}}
    """


def network(name: str, called: str) -> str:
    return f"""
        kind: Network
        metadata: {{name: {name}}}
        spec: {{libvirtName: {called}, forward: isolated}}
    """


def test_it_is_made_and_removed_under_that_name() -> None:
    host = fake_host()
    documents = machine("web", "Old Web"), network("lan", "Old_LAN")
    settle(host, *documents)
    assert (set(host.domain), set(host.network)) == ({"Old Web"}, {"Old_LAN"})
    gone = destroy_for(host, *documents, force_off=("*",))
    assert sorted(brief(gone)) == ["- network/lan", "- virtualmachine/web"]


def test_a_machine_on_such_a_network() -> None:
    host = fake_host()
    card = machine("web", "Old Web").replace(
        "memory: 64MiB", "memory: 64MiB, interfaces: [{name: eth0, network: lan}]")
    settle(host, card, network("lan", "Old_LAN"))
    assert 'network="Old_LAN"' in host.domain["Old Web"].xml


@pytest.mark.parametrize("make", [machine, network])
def test_another_name_counts_for_a_new_one_alone(make: object) -> None:
    assert callable(make)
    host = fake_host()
    settle(host, make("web", "before"))
    plan = plan_for(host, make("web", "after"))
    assert plan.changes == ()
    assert [note.text for note in plan.notes] == [
        "libvirtName is before and stays so; after is only for a new one"]


def test_it_stays_when_the_machine_is_renamed() -> None:
    host = fake_host()
    settle(host, machine("web", "Old Web"))
    settle(host, machine("site", "Old Web", ", renamedFrom: web"), restart=("*",))
    assert set(host.domain) == {"Old Web"}
    assert {str(address) for address in host.record} == {"virtualmachine/site"}


@pytest.mark.parametrize("make", [machine, network])
def test_two_cannot_have_one_name(make: object) -> None:
    assert callable(make)
    with pytest.raises(Problems, match="is called same by libvirt, and so is"):
        load(make("one", "same"), make("two", "same"))


@pytest.mark.parametrize("called", ["a/b", '" a"', '"a "', '""', '"a\\tb"', "a" * 201])
def test_names_that_libvirt_would_not_take(called: str) -> None:
    with pytest.raises(Problems, match="libvirtName"):
        load(machine("web", called))
