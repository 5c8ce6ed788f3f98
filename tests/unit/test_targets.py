"""A part of the manifests: what is named or has the labels, and what has to come along."""

from __future__ import annotations

import pytest

from tests.unit.cloud import IMAGE, load
from tiny_cloud import targets
from tiny_cloud.errors import Problems

NET = """
kind: Network
metadata: {name: lab}
spec: {subnet: 10.44.0.0/24}
"""
LOOSE = """
kind: Disk
metadata: {name: loose, labels: {tier: none}}
spec: {size: 1GiB}
"""


def machine(name: str, tier: str, address: int) -> str:
    return f"""
kind: VirtualMachine
metadata: {{name: {name}, labels: {{tier: {tier}}}}}
spec:
  cpus: 1
  memory: 64MiB
  disks: [{{name: root, image: debian, size: 4GiB}}]
  interfaces: [{{name: eth0, network: lab, address: 10.44.0.{address}}}]
"""


DECLARED = load(IMAGE, NET, machine("web", "front", 5), machine("db", "back", 6), LOOSE).resources
WEB = ["disk/web-root", "guest/web", "virtualmachine/web"]


def names(found: object) -> list[str]:
    assert isinstance(found, list)
    return [str(item.address) for item in found]


@pytest.mark.parametrize(("called", "selector"), [
    ((), "tier=front"), (("virtualmachine/web",), ""), (("*/web*",), "tier"),
    (("virtualmachine/*",), "tier in (front)"),
])
def test_with_all_that_it_needs(called: tuple[str, ...], selector: str) -> None:
    assert names(targets.wanted(DECLARED, called, selector)) == [
        "image/debian", "network/lab", *WEB]


def test_everything() -> None:
    assert targets.wanted(DECLARED, (), "") == targets.leaving(DECLARED, (), "") == DECLARED


def test_what_goes_leaves_what_others_stand_on() -> None:
    assert names(targets.leaving(DECLARED, (), "tier=front")) == WEB
    assert names(targets.leaving(DECLARED, ("virtualmachine/web",), "")) == WEB
    both = targets.leaving(DECLARED, (), "tier in (front,back)")
    assert [str(item.address) for item in DECLARED if item not in both] == ["disk/loose"]


def test_what_others_stand_on_does_not_go_alone() -> None:
    with pytest.raises(Problems) as error:
        targets.leaving(DECLARED, ("network/lab", "virtualmachine/db"), "")
    (problem,) = error.value.problems
    assert problem.summary == "network/lab cannot go alone: virtualmachine/web refers to it"
    assert problem.span and "name that as well" in problem.hint
    with pytest.raises(Problems, match="disk/web-root cannot go alone: virtualmachine/web"):
        targets.leaving(DECLARED, ("disk/web-root",), "")


@pytest.mark.parametrize(("called", "selector", "sentence", "hint"), [
    (("disk/none",), "", "nothing that is declared is called disk/none", ""),
    ((), "tier=frnt", "nothing that is declared has the labels tier=frnt",
     "there are: tier=back, tier=front, tier=none"),
    (("network/lab",), "tier", "nothing that is declared has the labels tier",
     "there are no labels at all"),
])
def test_nothing_of_the_kind(
    called: tuple[str, ...], selector: str, sentence: str, hint: str
) -> None:
    for part in (targets.wanted, targets.leaving):
        with pytest.raises(Problems) as error:
            part(DECLARED, called, selector)
        (problem,) = error.value.problems
        assert (problem.summary, problem.hint) == (sentence, hint)
