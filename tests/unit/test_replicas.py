"""``replicas: N``: one document is N machines."""

from __future__ import annotations

import pytest

from tests.unit.cloud import IMAGE, brief, fake_host, load, plan_for, settle
from tiny_cloud.errors import Problems
from tiny_cloud.loader import Loaded

NET = """
kind: Network
metadata: {name: inner}
spec: {subnet: 10.44.0.0/24}
"""
WEB = """
kind: VirtualMachine
metadata: {name: web, labels: {number: "${index}"}}
spec:
  replicas: 3
  cpus: 1
  memory: 64MiB
  disks: [{name: root, image: debian, size: 4GiB}]
  interfaces:
    - {name: eth0, network: inner, address: "10.44.0.${index+10}", mac: "52:54:00:00:00:0${index}"}
    - name: eth1
      user: {forward: [{host: "127.0.0.1:${index+2200}", guest: 22}]}
      address: 10.0.2.15/24
  guest:
    hostname: web-${index}
    users: {root: {password: {env: PASSWORD}}}
    firstBoot:
      - name: greet
        content: "#!/bin/sh\\nfor index in 1; do echo $${index} ${index}; done\\n"
"""


def machines(found: Loaded) -> list[str]:
    return [item.address.name for item in found.resources if item.KIND == "VirtualMachine"]


def wrong(*documents: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        load(*documents)
    return [f"{problem.summary} ({problem.hint})" for problem in caught.value.problems]


def test_each_is_a_machine_of_its_own() -> None:
    found = {str(item.address): item for item in load(IMAGE, NET, WEB).resources}
    machine, guest = found["virtualmachine/web-2"], found["guest/web-2"]
    assert "virtualmachine/web" not in found and "disk/web-2-root" in found
    assert machine.metadata["labels"] == {"number": "2"}
    card, other = machine.spec["interfaces"]
    assert (card["address"], card["mac"]) == ("10.44.0.12", "52:54:00:00:00:02")
    assert other["user"]["forward"] == [{"host": "127.0.0.1:2202", "guest": 22}]
    assert guest.spec["hostname"] == "web-2"
    assert guest.spec["firstBoot"][0]["content"].splitlines()[1] == (
        "for index in 1; do echo ${index} 2; done")


def test_problems_point_into_the_document() -> None:
    text = WEB.replace("${index+10}", "${index+300}")
    with pytest.raises(Problems) as caught:
        load(IMAGE, NET, text)
    problem, = caught.value.problems  # web-1 would have another one: the first speaks for all
    assert "10.44.0.300" in problem.summary and problem.span is not None
    assert '"10.44.0.${index+300}"' in problem.span.text


def test_without_replicas_a_text_is_what_it_is() -> None:
    found = load(IMAGE, NET, """
        kind: VirtualMachine
        metadata: {name: web}
        spec: {cpus: 1, memory: 64MiB, description: "the ${index}"}
    """)
    assert found.resources[-1].spec["description"] == "the ${index}"


def test_one_is_numbered_as_well_and_none_is_checked_all_the_same() -> None:
    assert machines(load(IMAGE, NET, WEB.replace("replicas: 3", "replicas: 1"))) == ["web-0"]
    nothing = WEB.replace("replicas: 3", "replicas: 0")
    assert machines(load(IMAGE, NET, nothing)) == []
    problem, = wrong(IMAGE, NET, nothing.replace("cpus: 1", "cpus: none"))
    assert problem.startswith("VirtualMachine.spec.cpus must be")


def test_they_scale_and_those_above_are_owned_and_no_longer_declared() -> None:
    host = fake_host()
    settle(host, IMAGE, NET, WEB)
    more = plan_for(host, IMAGE, NET, WEB.replace("replicas: 3", "replicas: 4"))
    assert [line for line in brief(more) if "network" not in line] == [
        "+ disk/web-3-root", "+ guest/web-3", "+ virtualmachine/web-3"]
    fewer = plan_for(host, IMAGE, NET, WEB.replace("replicas: 3", "replicas: 2"))
    assert {str(note.address) for note in fewer.notes if "no longer declared" in note.text} >= {
        "virtualmachine/web-2", "disk/web-2-root"}
    assert "- virtualmachine/web-2" not in brief(fewer)


def test_they_are_renamed_together() -> None:
    host = fake_host()
    settle(host, IMAGE, NET, WEB)
    renamed = WEB.replace("name: web,", "name: www, renamedFrom: web,")
    wanted = plan_for(host, IMAGE, NET, renamed, restart=("*",))
    assert not [line for line in brief(wanted) if line.startswith("+")]


@pytest.mark.parametrize(("old", "new", "says"), [
    ("52:54:00:00:00:0${index}", "52:54:00:00:00:07", "has the mac 52:54:00:00:00:07"),
    ("10.44.0.${index+10}", "10.44.0.9", "has the address 10.44.0.9"),
    ("127.0.0.1:${index+2200}", "127.0.0.1:2222", "forwards 127.0.0.1:2222 (tcp)"),
])
def test_what_only_one_can_have_needs_the_index(old: str, new: str, says: str) -> None:
    text = WEB.replace(old, new)
    assert wrong(IMAGE, NET, text) == [
        f"every replica of this machine {says} (tell them apart with ${{index}}, or leave it out)"]
    assert machines(load(IMAGE, NET, text.replace("replicas: 3", "replicas: 1"))) == ["web-0"]


@pytest.mark.parametrize("number", ["-1", "251", "two", "1.0", "true", "[]"])
def test_how_many_is_a_number_of_some(number: str) -> None:
    problem, = wrong(IMAGE, NET, WEB.replace("replicas: 3", f"replicas: {number}"))
    assert problem.startswith("VirtualMachine.spec.replicas must be")


def test_a_name_that_somebody_has_already() -> None:
    single = "kind: VirtualMachine\nmetadata: {name: web-1}\nspec: {cpus: 1, memory: 64MiB}"
    assert any("virtualmachine/web-1 is declared a second time" in line
               for line in wrong(IMAGE, NET, single, WEB))


def test_very_many_values_are_refused_before_they_are_made() -> None:
    """Once in a file, however many machines it has."""
    text = WEB.replace("replicas: 3", "replicas: 250")
    problem, = wrong(IMAGE, NET, text, *(text.replace("name: web,", f"name: w{at},")
                                         for at in range(3)))
    assert "values, and 7000 are the most" in problem
    long = WEB.replace("replicas: 3", "replicas: 9").replace("hostname: web-${index}",
                                                             f"hostname: {'${index}' * 100_000}")
    assert "values, and 7000 are the most" in wrong(IMAGE, NET, long)[0]


def test_a_machine_without_a_name_is_only_that() -> None:
    assert wrong(IMAGE, NET, WEB.replace("name: web, ", "")) == [
        "VirtualMachine.metadata needs name (for example name: web)"]
